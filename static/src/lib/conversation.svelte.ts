/** One open conversation: its state, its stream, and what the person can do in it. */
import { api, type Sending } from "./api";
import { sleep } from "./deliver";
import { keepDraft, readDraft, type Unsent } from "./drafts";
import { newestBeneath, versions } from "./path";
import { asProblem, notThere, Problem, undeleted } from "./problem";
import { Sender } from "./sender.svelte";
import type { Session, SessionEvent, Turn } from "./shapes";
import { EventStream, type Link } from "./stream";
import { text } from "./text";
import { apply, askAgain, begin, notAsked, sent, shown, type Talk } from "./turns";

export class Conversation {
  session = $state.raw<Session | null>(null);
  talk = $state.raw<Talk>(begin({ turns: [], head: null, waiting: false, ended: false }));
  link = $state<Link>("connecting");
  loading = $state.raw<Problem | null>(null);
  stopping = $state(false);
  /** Why something other than sending did not work, and what is said above that. */
  undone = $state.raw<{ problem: Problem; lead: string } | null>(null);
  /** The newest thing that happened, for screen readers: words of the character, or of the page. */
  announced = $state.raw({ words: "", spoken: false });

  /** Sends what stands in the box. */
  readonly sender: Sender<string>;
  /** Asks for another reply. `head` is the message that one without a `turn` answers. */
  readonly asker = new Sender<{ turn: number | null; head: number | null }>(async ({ turn }, sending) => {
    await api.regenerate(this.id, turn, sending);
  });

  /** Sends the message that is being changed. */
  #editor: Sender<string> | undefined;
  #words = $state("");
  #unsent: Unsent | undefined;
  #stream: EventStream | undefined;

  constructor(readonly id: string) {
    const kept = readDraft(id);
    this.#words = kept.words;
    this.#unsent = kept.unsent;
    const changed = (unsent: Unsent | undefined) => {
      this.#unsent = unsent;
      keepDraft(id, { words: this.#words, unsent });
    };
    const post = async (words: string, sending: Sending) => {
      const { seq } = await api.say(id, { text: words }, sending);
      this.talk = sent(this.talk, { seq, text: words });
    };
    this.sender = new Sender(post, sleep, { first: kept.unsent, changed, newest: () => this.#newest });
    void this.load();
  }

  /** What stands in the box and was not sent. */
  get draft(): string {
    return this.#words;
  }

  set draft(words: string) {
    this.#words = words;
    // Whoever empties the box has no use for what stood there.
    if (words.trim() === "") this.sender.forget();
    keepDraft(this.id, { words, unsent: this.#unsent });
  }

  get #newest(): number {
    return this.talk.turns.at(-1)?.seq ?? -1;
  }

  async load() {
    this.loading = null;
    try {
      const session = await api.session(this.id);
      this.session = session;
      const { turns, head, replying, ended_ms } = session;
      this.talk = begin({ turns, head, waiting: replying, ended: ended_ms !== null });
      turns.forEach((turn) => this.#arrived(turn));
      // Words that were written before, and that no conversation has yet, stand ready to be sent.
      if (turns.length === 0 && ended_ms === null && this.draft === "") this.draft = session.about;
      if (!this.talk.ended) this.#listen(session.last_event);
    } catch (error) {
      this.loading = unreadable(asProblem(error));
    }
  }

  /** Nobody looks any more. A message on its way is still delivered. */
  close() {
    this.#stream?.close();
    this.asker.cancel();
  }

  /** Sends another version of an earlier message. */
  editor(replaces: number): Sender<string> {
    const post = async (words: string, sending: Sending) => {
      const { seq } = await api.say(this.id, { text: words, replaces }, sending);
      this.talk = sent(this.talk, { seq, text: words, replaces });
    };
    return (this.#editor = new Sender(post, sleep, { newest: () => this.#newest }));
  }

  /** Another version of this reply; without one, an answer to the message at the end. */
  async again(reply: Turn | null) {
    if (this.asker.sending) return;
    const { head } = this.talk;
    // Said before the request: its answer may come after the events that it causes.
    this.talk = askAgain(this.talk, reply ? reply.parent : head);
    if (!(await this.asker.send({ turn: reply?.seq ?? null, head }))) this.talk = notAsked(this.talk);
  }

  /** Shows this version, and what followed it. */
  show(seq: number) {
    return this.#do(async () => {
      // One that has ended is only read: its head stays where it was.
      const head = this.talk.ended ? newestBeneath(this.talk.turns, seq) : (await api.show(this.id, seq)).head;
      this.talk = apply(this.talk, { type: "head", seq: head });
      const turn = shown(this.talk).find((each) => each.seq === seq);
      if (!turn) return;
      const all = versions(this.talk.turns, turn);
      const words = `${text.versions.at(all.indexOf(turn) + 1, all.length)}: ${turn.text}`;
      this.announced = { words, spoken: false };
    });
  }

  async stop() {
    this.stopping = true;
    await this.#do(async () => {
      const { turn } = await api.stop(this.id);
      // Nothing was being made, whatever this page believes.
      if (turn === null) await this.#lookAgain();
    });
    this.stopping = false;
  }

  end() {
    return this.#do(async () => {
      await api.end(this.id);
      this.#hear({ type: "ended" });
    });
  }

  remove() {
    return this.#do(async () => {
      try {
        await api.remove(this.id);
      } catch (error) {
        const problem = asProblem(error);
        if (!notThere(problem)) throw problem;
        // Gone is gone, whoever was first; but nobody says here that it was deleted just now.
        this.sender.cancel();
        this.close();
        this.loading = unreadable(problem);
        return;
      }
      this.#hear({ type: "deleted" });
    }, undeleted);
  }

  async #do(what: () => Promise<unknown>, lead: (problem: Problem) => string = () => text.chat.undone) {
    this.undone = null;
    try {
      await what();
    } catch (error) {
      const problem = asProblem(error);
      this.undone = { problem, lead: lead(problem) };
    }
  }

  #listen(after: string) {
    this.#stream?.close();
    this.#stream = new EventStream(this.id, after, {
      event: (event) => this.#hear(event),
      link: (link) => {
        this.link = link;
        if (link === "open") this.talk = { ...this.talk, closing: false };
      },
      gone: () => void this.load(),
    });
  }

  /** Whether an answer is owed is not always told: one may have failed while nobody listened, or another tab may have
   * asked for it. */
  async #compare() {
    const { waiting, draft } = this.talk;
    if (draft || (!waiting && shown(this.talk).at(-1)?.speaker !== "seeker")) return;
    const before = (this.talk = { ...this.talk, waiting: true });
    const now = await api.session(this.id).catch(() => null);
    // Anything heard meanwhile is newer.
    if (this.talk !== before) return;
    this.talk = now?.replying ? before : { ...before, waiting: now === null && waiting, answering: null };
  }

  async #lookAgain() {
    const before = this.talk;
    const { turns, head, replying } = await api.session(this.id);
    // Anything heard meanwhile is newer.
    if (this.talk !== before || replying) return;
    this.talk = { ...begin({ turns, head, waiting: false, ended: before.ended }), failure: before.failure };
  }

  /** The server has this turn: if it is what was being sent, that is not sent again. */
  #arrived(turn: Turn) {
    if (turn.speaker !== "seeker") return;
    this.#editor?.arrived(turn.text, turn.seq);
    if (this.sender.arrived(turn.text, turn.seq) && this.draft.trim() === turn.text) this.draft = "";
  }

  #hear(event: SessionEvent) {
    this.talk = apply(this.talk, event);
    if (event.type === "said") this.#arrived(event.turn);
    // An answer was begun: asking for another is something new.
    if (event.type === "reply_started") this.asker.forget();
    if (event.type === "reply_ended" && event.turn) this.announced = { words: event.turn.text, spoken: true };
    if (event.type === "queued")
      this.announced = { words: text.chat.queued(event.ahead, event.wait_ms), spoken: false };
    if (event.type === "head") void this.#compare();
    if (event.type !== "ended" && event.type !== "deleted") return;
    this.sender.cancel();
    this.close();
    // The words stay on the screen; this browser keeps them no longer.
    if (event.type === "deleted") keepDraft(this.id, { words: "" });
  }
}

/** Somebody else's conversation answers like one that is not. */
function unreadable(problem: Problem): Problem {
  return notThere(problem) ? new Problem({ ...problem, detail: text.chat.unreadable }) : problem;
}

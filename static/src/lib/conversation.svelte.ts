/** One open conversation: its state, its stream, and what the person can do in it. */
import { api, asProblem, type Problem, type Session, type SessionEvent } from "./api";
import { EventStream, type Link } from "./stream";
import { apply, awaiting, begin, insert, type Talk } from "./turns";

export class Conversation {
  session = $state.raw<Session | null>(null);
  talk = $state.raw<Talk>(begin([], false));
  link = $state<Link>("connecting");
  loading = $state.raw<Problem | null>(null);
  sending = $state(false);
  stopping = $state(false);
  sendProblem = $state.raw<Problem | null>(null);
  /** The newest finished reply, for screen readers. */
  announced = $state("");
  awaiting = $derived(awaiting(this.talk));

  #stream: EventStream | undefined;

  constructor(readonly id: string) {
    void this.load();
  }

  async load() {
    this.loading = null;
    try {
      const session = await api.session(this.id);
      this.session = session;
      this.talk = begin(session.turns, session.ended_ms !== null);
      if (!this.talk.ended) this.#listen();
    } catch (error) {
      this.loading = asProblem(error);
    }
  }

  close() {
    this.#stream?.close();
  }

  /** Sends a message; true once the server has it on disk. */
  async say(said: string): Promise<boolean> {
    this.sending = true;
    this.sendProblem = null;
    try {
      const { seq } = await api.say(this.id, said);
      // The stream tells it too, perhaps before this answer: the same turn twice changes nothing.
      const turn = { seq, speaker: "seeker", text: said, end: "whole", created_ms: Date.now() } as const;
      this.talk = { ...this.talk, failure: null, silenced: false, turns: insert(this.talk.turns, turn) };
      return true;
    } catch (error) {
      this.sendProblem = asProblem(error);
      return false;
    } finally {
      this.sending = false;
    }
  }

  async stop() {
    this.stopping = true;
    try {
      await api.stop(this.id);
    } catch (error) {
      this.sendProblem = asProblem(error);
    } finally {
      this.stopping = false;
    }
  }

  async end() {
    try {
      await api.end(this.id);
      this.talk = apply(this.talk, { type: "ended" });
      this.close();
    } catch (error) {
      this.sendProblem = asProblem(error);
    }
  }

  #listen() {
    this.#stream?.close();
    this.#stream = new EventStream(this.id, {
      event: (event) => this.#hear(event),
      link: (link) => (this.link = link),
      gone: () => void this.load(),
    });
  }

  #hear(event: SessionEvent) {
    this.talk = apply(this.talk, event);
    if (event.type === "reply_ended" && event.turn) this.announced = event.turn.text;
    if (event.type === "ended") this.close();
  }
}

/** One open conversation: its state, its stream, and what the person can do in it. */
import { api, asProblem, type Problem, type Session, type SessionEvent } from "./api";
import { EventStream, type Link } from "./stream";
import { apply, begin, said, type Talk } from "./turns";

export class Conversation {
  session = $state.raw<Session | null>(null);
  talk = $state.raw<Talk>(begin([], false, false));
  link = $state<Link>("connecting");
  loading = $state.raw<Problem | null>(null);
  sending = $state(false);
  stopping = $state(false);
  sendProblem = $state.raw<Problem | null>(null);
  /** The newest finished reply, for screen readers. */
  announced = $state("");

  #stream: EventStream | undefined;

  constructor(readonly id: string) {
    void this.load();
  }

  async load() {
    this.loading = null;
    try {
      const session = await api.session(this.id);
      this.session = session;
      this.talk = begin(session.turns, session.replying, session.ended_ms !== null);
      if (!this.talk.ended) this.#listen(session.last_event);
    } catch (error) {
      this.loading = asProblem(error);
    }
  }

  close() {
    this.#stream?.close();
  }

  /** Sends a message; true once the server has it on disk. */
  async say(words: string): Promise<boolean> {
    this.sending = true;
    this.sendProblem = null;
    try {
      const { seq } = await api.say(this.id, words);
      // The stream tells it too, perhaps before this answer: the same turn twice changes nothing.
      const turn = { seq, speaker: "seeker", text: words, end: "whole", created_ms: Date.now() } as const;
      this.talk = said(this.talk, turn);
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

  #hear(event: SessionEvent) {
    this.talk = apply(this.talk, event);
    if (event.type === "reply_ended" && event.turn) this.announced = event.turn.text;
    if (event.type === "ended") this.close();
  }
}

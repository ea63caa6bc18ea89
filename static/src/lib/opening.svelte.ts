/** Opens a session with a character and goes there; what the person wrote before is the first thing said in it. */
import { api } from "./api";
import type { Wait } from "./deliver";
import type { Problem } from "./problem";
import { router } from "./router.svelte";
import { Sender } from "./sender.svelte";

/** The conversation just opened: its first words are still to be sent. */
let fresh: string | null = null;

/** Whether this conversation was just opened here; true once. */
export function justOpened(id: string): boolean {
  const is = fresh === id;
  fresh = null;
  return is;
}

export class Opening {
  readonly #sender = new Sender<{ supporter: number; about: string }>(async ({ supporter, about }, sending) => {
    const session = await api.open(supporter, about, sending);
    fresh = about === "" ? null : session.id;
    router.go(`/talk/${session.id}`);
  });

  get busy(): boolean {
    return this.#sender.sending;
  }

  get wait(): Wait | null {
    return this.#sender.wait;
  }

  get problem(): Problem | null {
    return this.#sender.problem;
  }

  talk(supporter: number, about: string) {
    return this.#sender.send({ supporter, about });
  }

  /** Somebody else is looked for: what did not work before is of no interest. */
  forget() {
    this.#sender.problem = null;
  }

  cancel() {
    this.#sender.giveUp();
  }
}

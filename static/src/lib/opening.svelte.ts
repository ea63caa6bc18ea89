/** Opens a session with a character, says what the person wrote before, and goes there. */
import { api, asProblem, type Problem } from "./api";
import { router } from "./router.svelte";

export class Opening {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);

  async talk(supporter: number, about: string) {
    this.busy = true;
    this.problem = null;
    try {
      const session = await api.open(supporter, about);
      // Words that do not get through stand in the box of the conversation, ready to be sent.
      if (about !== "") await api.say(session.id, about).catch(() => undefined);
      router.go(`/talk/${session.id}`);
    } catch (error) {
      this.problem = asProblem(error);
      this.busy = false;
    }
  }
}

/** Opens a session with a character and goes there. */
import { api } from "./api";
import { router } from "./router.svelte";

export async function beginTalk(supporter: number, about: string): Promise<void> {
  const session = await api.open(supporter, about);
  router.go(`/talk/${session.id}`);
}

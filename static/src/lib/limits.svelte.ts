/** What the server allows; it may be configured otherwise than by default. */
import { api } from "./api";
import { characters } from "./count";

class Limits {
  /** The most characters of a message, and of what somebody writes of themselves. None until the server has said it: it
   * refuses by itself what is too long. */
  message = $state<number | null>(null);

  async load() {
    const about = await api.about().catch(() => null);
    if (about) this.message = about.limits.message_chars;
  }

  /** By how much these words are too long: how many they are, and how many there may be. */
  beyond(words: string): { length: number; most: number } | null {
    const length = characters(words);
    return this.message !== null && length > this.message ? { length, most: this.message } : null;
  }
}

export const limits = new Limits();

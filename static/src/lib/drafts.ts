/** What was written and not sent, kept by this tab: neither a reload nor a look at another page loses it. */

export interface Unsent {
  /** The thing as JSON. */
  what: string;
  key: string;
  /** Where the conversation stood when it was first sent: its newest turn. */
  after: number;
  /** It may have arrived: an answer was lost, or none has come yet. */
  doubt: boolean;
}

export interface Kept {
  words: string;
  /** What was on its way, with its key. */
  unsent?: Unsent | undefined;
}

const NAME = "kindred-draft-";

/** A browser may forbid storage; then a draft lives as long as its view. */
function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

export function readDraft(id: string): Kept {
  try {
    return JSON.parse(storage()?.getItem(NAME + id) ?? "") as Kept;
  } catch {
    return { words: "" };
  }
}

export function keepDraft(id: string, kept: Kept) {
  try {
    if (kept.words === "" && !kept.unsent) storage()?.removeItem(NAME + id);
    else storage()?.setItem(NAME + id, JSON.stringify(kept));
  } catch {
    // Full or forbidden: the view still has it.
  }
}

/** Of all conversations. */
export function forgetDrafts() {
  const store = storage();
  for (const name of Object.keys(store ?? {})) if (name.startsWith(NAME)) store?.removeItem(name);
}

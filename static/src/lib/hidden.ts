/** Tells when nobody has looked at this page for a while, and when somebody does again. */

/** What is asked of a document. */
export type Seen = Pick<Document, "hidden" | "addEventListener" | "removeEventListener">;

/** `away` after so many milliseconds out of sight; then `back` when it is seen again. Gives what ends the watch. */
export function whileHidden(after: number, away: () => void, back: () => void, page: Seen = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gone = false;
  const look = () => {
    clearTimeout(timer);
    if (page.hidden) {
      timer = setTimeout(() => {
        gone = true;
        away();
      }, after);
    } else if (gone) {
      gone = false;
      back();
    }
  };
  page.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", look);
  };
}

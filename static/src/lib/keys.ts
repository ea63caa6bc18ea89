/** What a key means. */

/** An input method that composes has the keys to itself: its Enter picks a character and sends nothing. Safari has ended
 * the composition before it tells of the Enter that ended it; only the code of old, 229, still gives it away. */
export function composing({ isComposing, keyCode }: { isComposing: boolean; keyCode: number }): boolean {
  return isComposing || keyCode === 229;
}

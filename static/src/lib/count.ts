/** How long a text is, as the server counts: characters (code points), without the white space around them. */
export function characters(words: string): number {
  return [...words.trim()].length;
}

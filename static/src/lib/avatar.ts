/** A pattern for each character, drawn from its index: overlapping petals in two calm colours. No photographs. */

export interface Petal {
  cx: number;
  cy: number;
  rx: number;
  ry: number;
  turn: number;
  fill: string;
}

export interface Pattern {
  ground: string;
  heart: string;
  petals: Petal[];
}

/** A small mixing of the bits, so that neighbours in the bank look unlike each other. */
function mix(index: number): number {
  let x = (index + 0x9e3779b9) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The pattern of a character in a 100 × 100 box; the same index always gives the same pattern. */
export function pattern(index: number): Pattern {
  const seed = mix(index);
  const hue = seed % 360;
  const second = (hue + 40 + ((seed >>> 9) % 90)) % 360;
  const count = 3 + ((seed >>> 16) % 5);
  const start = (seed >>> 20) % 90;
  const reach = 17 + ((seed >>> 24) % 9);
  const petals = Array.from({ length: count }, (_, at) => ({
    cx: 50,
    cy: 50 - reach,
    rx: 12 + ((seed >>> 5) % 9),
    ry: 24 + ((seed >>> 13) % 8),
    turn: start + (at * 360) / count,
    fill: at % 2 ? `hsl(${second} 38% 52% / 0.72)` : `hsl(${hue} 42% 48% / 0.72)`,
  }));
  return { ground: `hsl(${hue} 34% 86%)`, heart: `hsl(${second} 45% 93%)`, petals };
}

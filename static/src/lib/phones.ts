/** Finds telephone numbers and web addresses in the help card's text, so that they can be called with one touch. */

export type Span = { kind: "text" | "phone" | "link"; text: string; href: string };

// An https address, a bare domain, or a number: an international or grouped one, or a short one such as 112 or 116 123.
const FINDABLE =
  /https:\/\/[^\s<>()"'，。；）]+|\b[a-z][a-z0-9-]+\.(?:com|org|net)\b|(?<![\p{L}\d])\+?\d[\d().  -]{0,17}\d(?![\p{L}\d])/gu;
const HOURS = /^\d{1,2}[ .-]+\d{1,2}$/;

export function spans(text: string): Span[] {
  const out: Span[] = [];
  let at = 0;
  for (const found of text.matchAll(FINDABLE)) {
    const whole = found[0].replace(/[.,;:]+$/, "");
    const digits = whole.replace(/\D/g, "");
    const link = /[a-z]/.test(whole);
    if (!link && (digits.length < 3 || digits.length > 15 || HOURS.test(whole))) continue;
    if (found.index > at) out.push({ kind: "text", text: text.slice(at, found.index), href: "" });
    out.push(
      link
        ? { kind: "link", text: whole, href: whole.startsWith("https://") ? whole : `https://${whole}` }
        : { kind: "phone", text: whole, href: `tel:${whole.startsWith("+") ? "+" : ""}${digits}` },
    );
    at = found.index + whole.length;
  }
  if (at < text.length) out.push({ kind: "text", text: text.slice(at), href: "" });
  return out;
}

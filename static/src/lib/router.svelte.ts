/** Which view the address names. Plain paths and the history API; the server answers each of them with the page. */

export type Route =
  | { view: "describe" }
  | { view: "chat"; id: string }
  | { view: "bank" }
  | { view: "character"; index: number }
  | { view: "conversations" }
  | { view: "help" }
  | { view: "missing" };

export function parse(path: string): Route {
  const parts = path.split("/").filter(Boolean);
  const [first, second] = parts;
  if (parts.length === 0) return { view: "describe" };
  if (first === "talk" && second && parts.length === 2) return { view: "chat", id: second };
  if (first === "characters" && parts.length === 1) return { view: "bank" };
  if (first === "characters" && parts.length === 2 && /^\d{1,9}$/.test(second ?? ""))
    return { view: "character", index: Number(second) };
  if (first === "conversations" && parts.length === 1) return { view: "conversations" };
  if (first === "help" && parts.length === 1) return { view: "help" };
  return { view: "missing" };
}

class Router {
  route = $state.raw<Route>({ view: "describe" });

  start() {
    this.route = parse(location.pathname);
    addEventListener("popstate", () => (this.route = parse(location.pathname)));
    addEventListener("click", (event) => this.#follow(event));
  }

  go(path: string) {
    history.pushState(null, "", path);
    this.route = parse(location.pathname);
    scrollTo(0, 0);
  }

  /** Plain clicks on links of this site change the view; anything else is the browser's. */
  #follow(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.hash) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();

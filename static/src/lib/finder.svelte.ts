/** What the person wrote on the start page and who was found: kept while they look around, gone with the tab. */
import { api } from "./api";
import { asProblem, type Problem } from "./problem";
import type { Match } from "./shapes";

class Finder {
  about = $state("");
  matches = $state.raw<Match[] | null>(null);
  /** The help card's text, if what was written tells of danger. */
  help = $state<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  searching = $state(false);
  /** What the matches belong to: the first thing said to whoever is chosen. */
  asked = $state("");

  async find() {
    this.searching = true;
    this.problem = null;
    const asked = this.about.trim();
    try {
      const found = await api.match(asked, 3);
      this.matches = found.matches;
      this.help = found.help;
      this.asked = asked;
    } catch (error) {
      this.matches = null;
      this.problem = asProblem(error);
      // Whoever tells of danger is told of help, also where nobody could be found.
      this.help = this.problem.help;
    } finally {
      this.searching = false;
    }
  }

  forget() {
    this.about = this.asked = "";
    this.matches = this.help = this.problem = null;
  }
}

export const finder = new Finder();

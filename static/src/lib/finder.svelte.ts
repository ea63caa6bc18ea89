/** What the person wrote on the start page and who was found: kept while they look around, gone with the tab. */
import { api, asProblem, type Match, type Problem } from "./api";

class Finder {
  about = $state("");
  matches = $state.raw<Match[] | null>(null);
  problem = $state.raw<Problem | null>(null);
  searching = $state(false);
  /** What the matches belong to; also what the supporter is told of the person. */
  asked = $state("");

  async find() {
    this.searching = true;
    this.problem = null;
    const asked = this.about.trim();
    try {
      this.matches = (await api.match(asked, 3)).matches;
      this.asked = asked;
    } catch (error) {
      this.matches = null;
      this.problem = asProblem(error);
    } finally {
      this.searching = false;
    }
  }
}

export const finder = new Finder();

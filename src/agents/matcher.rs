//! The matcher as an actor: ranks the bank, and gives people to characters so that no one is crowded.

use std::sync::Arc;

use actix::{
    Actor, ActorFutureExt as _, Context, Handler, Message, ResponseActFuture, ResponseFuture, WrapFuture as _,
};

use super::AgentError;
use super::registry::{Seat, Seats};
use super::watch::Guard;
use crate::matching::{Match, MatchError, Matcher};

/// Of this many best candidates the one with the fewest open sessions is taken …
const CANDIDATES: usize = 3;
/// … if its score is within this of the best one's.
const NEAR: f32 = 0.05;

/// Ranks and assigns. It is one actor so that two people who come at once are not both given the same free seat.
pub(super) struct MatcherActor {
    matcher: Arc<Matcher>,
    seats: Arc<Seats>,
    /// It ends with the process; before that, its end is a fall.
    _guard: Guard,
}

impl MatcherActor {
    pub(super) fn new(matcher: Arc<Matcher>, seats: Arc<Seats>, guard: Guard) -> Self {
        Self { matcher, seats, _guard: guard }
    }
}

impl Actor for MatcherActor {
    type Context = Context<Self>;
}

/// Asks for the best characters.
#[derive(Message)]
#[rtype(result = "Result<Vec<Match>, MatchError>")]
pub(super) struct Rank {
    pub(super) about: String,
    pub(super) k: usize,
}

/// Asks for a character with room for one more, and takes the seat.
#[derive(Message)]
#[rtype(result = "Result<Seat, AgentError>")]
pub(super) struct Assign {
    pub(super) about: String,
}

impl Handler<Rank> for MatcherActor {
    type Result = ResponseFuture<Result<Vec<Match>, MatchError>>;

    fn handle(&mut self, Rank { about, k }: Rank, _: &mut Context<Self>) -> Self::Result {
        fail::fail_point!("actor::matcher");
        let matcher = self.matcher.clone();
        Box::pin(async move { matcher.rank(&about, k).await })
    }
}

impl Handler<Assign> for MatcherActor {
    type Result = ResponseActFuture<Self, Result<Seat, AgentError>>;

    fn handle(&mut self, Assign { about }: Assign, _: &mut Context<Self>) -> Self::Result {
        let matcher = self.matcher.clone();
        let ranked = async move { matcher.rank(&about, CANDIDATES).await }.into_actor(self);
        Box::pin(ranked.map(|ranked, actor, _| {
            let chosen = least_crowded(&ranked?, |index| actor.seats.taken(index));
            // A loaded bank is never empty, so that somebody was ranked.
            chosen.map(|index| actor.seats.take(index)).ok_or(AgentError::NoCharacter { index: 0 })
        }))
    }
}

/// The candidate with the fewest open sessions among those about as good as the best; the better one of equals.
fn least_crowded(ranked: &[Match], taken: impl Fn(u32) -> usize) -> Option<u32> {
    let best = ranked.first()?.score;
    ranked
        .iter()
        .filter(|candidate| best - candidate.score <= NEAR)
        // `min_by_key` keeps the first of equals, which is the better match.
        .min_by_key(|candidate| taken(candidate.index))
        .map(|candidate| candidate.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_scores_share_the_load_and_far_ones_do_not() {
        let ranked =
            [(4, 0.60), (9, 0.58), (2, 0.40)].map(|(index, score)| Match { index, score, reasons: Vec::new() });
        assert_eq!(least_crowded(&ranked, |_| 0), Some(4));
        assert_eq!(least_crowded(&ranked, |index| usize::from(index == 4)), Some(9));
        assert_eq!(least_crowded(&ranked, |index| usize::from(index != 2)), Some(4), "the far one is free, yet far");
        assert_eq!(least_crowded(&[], |_| 0), None);
    }
}

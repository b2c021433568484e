//! Makes a script that fails smaller, for as long as it still fails.

use crate::child::{Outcome, play, play_all};
use crate::script::Script;

/// The smallest script that was found, and what is wrong in it. Events are left out, first many at once.
///
/// What another promise breaks is a failure too: where several faults meet, any of them will do.
pub(crate) fn shrink(script: &Script, message: &str) -> (Script, String) {
    let mut smallest = script.clone();
    let mut wrong = message.to_owned();
    let mut chunk = smallest.events.len().div_ceil(2);
    while chunk > 0 {
        let ranges = (0..smallest.events.len()).step_by(chunk);
        let candidates: Vec<_> = ranges
            .map(|start| smallest.without(start..(start + chunk).min(smallest.events.len())))
            .collect();
        let failed =
            candidates
                .iter()
                .zip(play_all(&candidates))
                .find_map(|(candidate, outcome)| match outcome {
                    Outcome::Broken(message) => Some((candidate.clone(), message)),
                    Outcome::Kept(_) => None,
                });
        match failed {
            Some((candidate, message)) => {
                smallest = candidate;
                wrong = message;
                chunk = chunk.min(smallest.events.len());
            }
            None if chunk == 1 => break,
            None => chunk = chunk.div_ceil(2),
        }
    }
    shorten(smallest, wrong)
}

/// Ends the script soon after its last event, if it still fails then.
fn shorten(script: Script, wrong: String) -> (Script, String) {
    let last = script.events.last().map_or(0, |(at, _)| at / 1_000);
    let shorter = Script {
        seconds: (last + 300).min(script.seconds),
        ..script.clone()
    };
    match play(&shorter) {
        Outcome::Broken(message) => (shorter, message),
        Outcome::Kept(_) => (script, wrong),
    }
}

//! The icon's slow pulse while a dial is under way: the only thing that moves, and then only.

use std::time::{Duration, Instant};

/// How long each drawing is shown.
const PULSE: Duration = Duration::from_millis(800);

/// Which drawing of a dial under way is shown, and until when.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    frame: usize,
    /// When the next one is to be shown.
    pub(super) next: Option<Instant>,
}

impl Pulse {
    /// The drawing to show now, out of so many.
    pub(super) fn follow(&mut self, frames: usize, now: Instant) -> usize {
        if frames < 2 {
            *self = Self::default();
        } else if self.next.is_none_or(|next| next <= now) {
            self.frame = match self.next {
                Some(_) => (self.frame + 1) % frames,
                None => 0,
            };
            self.next = Some(now + PULSE);
        }
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_moves_only_while_it_has_two_drawings() {
        let start = Instant::now();
        let mut pulse = Pulse::default();
        assert_eq!(pulse.follow(1, start), 0);
        assert_eq!(pulse.next, None);
        assert_eq!(pulse.follow(2, start), 0);
        assert_eq!(pulse.follow(2, start + PULSE / 2), 0);
        assert_eq!(pulse.follow(2, start + PULSE), 1);
        assert_eq!(pulse.next, Some(start + 2 * PULSE));
        assert_eq!(pulse.follow(2, start + 2 * PULSE), 0);
        assert_eq!(pulse.follow(1, start + 2 * PULSE), 0);
        assert_eq!(pulse.next, None);
    }
}

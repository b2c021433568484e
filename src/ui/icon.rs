//! The icon: which drawing tells what is true, and its pixels. Pure.

use crate::model::{Phase, Snapshot, Target, TunnelView};

/// What the icon tells. Ordered: of several tunnels, the greatest is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Look {
    /// Nothing is wanted.
    Off,
    /// Everything works.
    Healthy,
    /// A dial is under way.
    Connecting,
    /// There is no network, or the next try has a date.
    Waiting,
    /// Connected, and a service does not work.
    Degraded,
    /// Only the user can help.
    Attention,
}

impl Look {
    /// What the icon has to tell of the snapshot.
    #[must_use]
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let looks = snapshot.tunnels.iter().map(of_tunnel);
        looks.max().unwrap_or(Self::Off)
    }

    /// How many drawings it has: shown in turn, if there are several.
    #[must_use]
    pub(super) fn frames(self) -> usize {
        self.drawings().len()
    }

    /// One of its drawings, in the smallest size that has at least `size` pixels a side, or the
    /// largest.
    #[must_use]
    pub(super) fn picture(self, frame: usize, size: u32) -> Option<Picture> {
        let drawings = self.drawings();
        Picture::read(drawings.get(frame % drawings.len())?, size)
    }

    fn drawings(self) -> &'static [&'static [u8]] {
        match self {
            Self::Off => &[include_bytes!("../../assets/tray/off.ico")],
            Self::Healthy => &[include_bytes!("../../assets/tray/healthy.ico")],
            Self::Connecting => &[
                include_bytes!("../../assets/tray/connecting.ico"),
                include_bytes!("../../assets/tray/connecting-2.ico"),
            ],
            Self::Waiting => &[include_bytes!("../../assets/tray/waiting.ico")],
            Self::Degraded => &[include_bytes!("../../assets/tray/degraded.ico")],
            Self::Attention => &[include_bytes!("../../assets/tray/attention.ico")],
        }
    }
}

fn of_tunnel(view: &TunnelView) -> Look {
    if view.question.is_some() {
        return Look::Attention;
    }
    match (view.phase, view.target) {
        (Phase::Stopped | Phase::Stopping, _) => Look::Off,
        (Phase::Connecting, _) => Look::Connecting,
        (Phase::Healthy, _) => Look::Healthy,
        (Phase::Degraded, _) => Look::Degraded,
        (Phase::Waiting | Phase::Offline, Target::Up) => Look::Waiting,
        (Phase::Waiting | Phase::Offline, Target::Down) => Look::Off,
        (Phase::Blocked, _) => Look::Attention,
    }
}

/// Pixels, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Red, green, blue, alpha; a byte each, not premultiplied.
    pub(super) rgba: Vec<u8>,
    /// Pixels a side.
    pub(super) size: u32,
}

impl Picture {
    /// Passerelle's own icon, in the smallest size that has at least `size` pixels a side.
    #[must_use]
    pub(super) fn of_passerelle(size: u32) -> Option<Self> {
        Self::read(include_bytes!("../../assets/passerelle.ico"), size)
    }

    /// Reads one of the square pictures of a Windows icon file: a header, a directory with an entry
    /// each, and bitmaps of 32 bits a pixel, from the bottom row up.
    fn read(file: &[u8], size: u32) -> Option<Self> {
        const HEADER: usize = 6;
        const ENTRY: usize = 16;
        const BITMAP_HEADER: usize = 40;
        let count = usize::from(*file.get(4)?);
        let directory = file.get(HEADER..HEADER + count * ENTRY)?;
        let sizes = directory.chunks_exact(ENTRY);
        let large_enough = sizes.clone().find(|entry| u32::from(entry[0]) >= size);
        let entry = large_enough.or_else(|| sizes.last())?;

        let side = usize::from(entry[0]);
        let offset = u32::from_le_bytes(entry.get(12..16)?.try_into().ok()?);
        let start = usize::try_from(offset).ok()? + BITMAP_HEADER;
        let bitmap = file.get(start..start + side * side * 4)?;
        let pixel = |bgra: &[u8]| [bgra[2], bgra[1], bgra[0], bgra[3]];
        let rows = bitmap.chunks_exact(side * 4).rev();
        Some(Self {
            rgba: rows
                .flat_map(|row| row.chunks_exact(4).flat_map(pixel))
                .collect(),
            size: u32::from(entry[0]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::host_key_question;
    use crate::ui::samples;

    const LOOKS: [Look; 6] = [
        Look::Off,
        Look::Healthy,
        Look::Connecting,
        Look::Waiting,
        Look::Degraded,
        Look::Attention,
    ];

    #[test]
    fn every_drawing_is_there_in_every_size() {
        for look in LOOKS {
            for frame in 0..look.frames() {
                for size in [16, 20, 24, 32, 40, 48, 64] {
                    let picture = look.picture(frame, size).unwrap();
                    assert_eq!(picture.size, size, "{look:?}");
                    let pixels = picture.rgba.chunks_exact(4);
                    assert_eq!(pixels.len(), (size * size) as usize);
                    let opaque = pixels.filter(|pixel| pixel[3] == 255).count();
                    assert!(opaque > 20, "{look:?} at {size}: {opaque}");
                }
            }
        }
    }

    #[test]
    fn no_two_states_look_alike() {
        let mut seen = Vec::new();
        for look in LOOKS {
            for frame in 0..look.frames() {
                let picture = look.picture(frame, 16).unwrap();
                assert!(!seen.contains(&picture), "{look:?}, frame {frame}");
                seen.push(picture);
            }
        }
    }

    #[test]
    fn a_size_between_two_takes_the_larger_one_and_none_is_too_large() {
        let side = |size| Look::Off.picture(0, size).unwrap().size;
        assert_eq!([side(1), side(17), side(33), side(1000)], [16, 20, 40, 64]);
    }

    #[test]
    fn a_damaged_file_has_no_picture() {
        let whole = Look::Off.drawings()[0];
        for length in [0, 4, 20, 100] {
            assert_eq!(Picture::read(&whole[..length], 64), None);
        }
    }

    #[test]
    fn the_worst_of_the_tunnels_is_shown() {
        let two = |phases| Look::of(&samples::in_phases(phases));
        assert_eq!(two([Phase::Stopped, Phase::Stopping]), Look::Off);
        assert_eq!(two([Phase::Stopped, Phase::Healthy]), Look::Healthy);
        assert_eq!(two([Phase::Connecting, Phase::Healthy]), Look::Connecting);
        assert_eq!(two([Phase::Offline, Phase::Connecting]), Look::Waiting);
        assert_eq!(two([Phase::Degraded, Phase::Waiting]), Look::Degraded);
        assert_eq!(two([Phase::Degraded, Phase::Blocked]), Look::Attention);
        assert_eq!(Look::of(&Snapshot::default()), Look::Off);
    }

    #[test]
    fn a_question_asks_for_attention_whatever_the_phase() {
        let mut snapshot = samples::in_phases([Phase::Connecting, Phase::Healthy]);
        snapshot.tunnels[0].question = Some(host_key_question(7));
        assert_eq!(Look::of(&snapshot), Look::Attention);
    }
}

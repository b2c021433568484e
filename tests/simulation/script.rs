//! What happens in a run, as a value: drawn from a seed, printed, made smaller, kept in a file.

use crate::programs::Errand;
use crate::way::{Direction, Loss, Quality};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// A run. Everything that happens in it follows from this value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Where every other draw of the run begins: the supervisor's jitter, what bytes are.
    pub(crate) seed: u64,
    /// How long it takes, on the virtual clock.
    pub(crate) seconds: u32,
    pub(crate) manners: Manners,
    pub(crate) quality: Quality,
    pub(crate) forwards: Vec<ForwardPlan>,
    /// What happens, and when: milliseconds from the start.
    pub(crate) events: Vec<(u32, Event)>,
}

/// How a server behaves where servers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manners {
    /// Ends a channel by CLOSE alone, as those on Go's x/crypto do.
    pub(crate) close_alone: bool,
    /// Ends the session on a second EOF for a channel, as AsyncSSH does.
    pub(crate) strict: bool,
    /// Connects to a target in the session's own task, as Erlang's does.
    pub(crate) in_line: bool,
    /// Starts a rekey after so many bytes in either direction; 0: never.
    pub(crate) rekey: u32,
    /// Starts a rekey when the keys are so many seconds old; 0: never.
    pub(crate) rekey_seconds: u32,
    /// Sends a keepalive after so many seconds of silence; 0: never.
    pub(crate) keepalive: u32,
}

/// A forward, and the service behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ForwardPlan {
    /// The service is never asked for its health.
    Unasked,
    /// It is asked by a connection.
    Tcp,
    /// It is asked by HTTP.
    Http,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A local program connects to that forward and does its errand.
    Program { forward: usize, errand: Errand },
    /// So many do the same at once.
    Crowd {
        forward: usize,
        programs: u8,
        errand: Errand,
    },
    /// A program connects to that forward for so long, one connection after the other.
    Knocks {
        forward: usize,
        millis: u32,
        pause_ms: u32,
    },
    /// Every connection to the server is reset.
    Cut,
    /// Nothing arrives, in one direction or both.
    Silence {
        direction: Option<Direction>,
        millis: u32,
    },
    /// The server loses its connections, as a crash or a gateway's forgotten state does.
    HalfOpen { told: Loss },
    /// The server goes, and is not there for a while.
    Restart { told: Loss, millis: u32 },
    /// The server takes connections and says nothing.
    Mute { millis: u32 },
    /// The server turns connections away without a word.
    Busy { millis: u32 },
    /// The machine sleeps; `told`: the system says so when it wakes. `lost`: what became of the
    /// session in that time.
    Sleep {
        millis: u32,
        told: bool,
        lost: Option<Loss>,
    },
    /// The network is gone for a while.
    NoRoute { millis: u32 },
    /// The machine has another address from now on; `lost`: what was under way by the old one is.
    OtherAddress { lost: bool },
    /// The name does not resolve for a while; `hangs`: the resolver does not even answer.
    NoName { millis: u32, hangs: bool },
    /// The way is worse for a while.
    Slow { quality: Quality, millis: u32 },
    /// The service behind the forward refuses connections for a while.
    Refuses { forward: usize, millis: u32 },
    /// Connections to the service are not answered for a while.
    Hangs { forward: usize, millis: u32 },
    /// The user has the tunnel down for a while.
    Down { millis: u32 },
    /// The user has the session made anew.
    Again,
}

impl Script {
    /// The run of that seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut draw = Draw(fastrand::Rng::with_seed(seed));
        let manners = draw.manners();
        let quality = draw.quality();
        let forwards = draw.forwards();
        let mut script = Self {
            seed,
            seconds: 7_200,
            manners,
            quality,
            forwards,
            events: Vec::new(),
        };
        draw.programs(&mut script);
        draw.faults(&mut script);
        draw.dead_service(&mut script);
        draw.stopping_target(&mut script);
        draw.dead_reader(&mut script);
        script.events.sort_by_key(|(at, _)| *at);
        script
    }

    /// The run that a file holds.
    pub(crate) fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("the script can be read");
        serde_json::from_str(&text).expect("it is a script")
    }

    /// Without those events.
    pub(crate) fn without(&self, left_out: std::ops::Range<usize>) -> Self {
        let mut smaller = self.clone();
        smaller.events.drain(left_out);
        smaller
    }
}

/// Draws the parts of a script.
struct Draw(fastrand::Rng);

impl Draw {
    fn one_in(&mut self, many: u32) -> bool {
        self.0.u32(0..many) == 0
    }

    /// Between the two, each order of magnitude as likely as the other.
    fn magnitude(&mut self, least: f64, most: f64) -> u32 {
        let exponent = least.ln() + self.0.f64() * (most.ln() - least.ln());
        exponent.exp().round() as u32
    }

    fn manners(&mut self) -> Manners {
        Manners {
            close_alone: self.one_in(3),
            strict: self.one_in(3),
            in_line: self.one_in(4),
            rekey: if self.one_in(2) {
                self.magnitude(64e3, 8e6)
            } else {
                0
            },
            rekey_seconds: if self.one_in(3) {
                self.magnitude(200.0, 3_600.0)
            } else {
                0
            },
            keepalive: if self.one_in(3) { 30 } else { 0 },
        }
    }

    /// What waits in the queue takes half a second at most, so that a calm way is one on which nothing
    /// looks dead. Some ways are short, and some queues as long as they may be.
    fn quality(&mut self) -> Quality {
        let bandwidth = self.magnitude(4e6, 120e6);
        let most = (f64::from(bandwidth) * 0.5).min(f64::from(64 << 20));
        Quality {
            delay_ms: if self.one_in(3) {
                self.0.u32(0..5)
            } else {
                self.0.u32(0..120)
            },
            bandwidth,
            queue: if self.one_in(3) {
                most as u32
            } else {
                self.magnitude(64e3, most)
            },
        }
    }

    fn forwards(&mut self) -> Vec<ForwardPlan> {
        let many = if self.one_in(10) { 32 } else { 6 };
        let count = self.0.usize(2..many);
        let mut forwards = vec![ForwardPlan::Unasked; count];
        // Probes are most of what costs time here.
        match self.0.u32(0..12) {
            0..7 => {}
            7..9 => forwards[0] = ForwardPlan::Tcp,
            9..11 => forwards[0] = ForwardPlan::Http,
            _ => forwards[..2].copy_from_slice(&[ForwardPlan::Http, ForwardPlan::Tcp]),
        }
        forwards
    }

    fn moment(&mut self, script: &Script) -> u32 {
        self.0.u32(60_000..(script.seconds - 300) * 1_000)
    }

    fn programs(&mut self, script: &mut Script) {
        for _ in 0..self.0.u32(10..40) {
            let at = self.moment(script);
            let forward = self.0.usize(0..script.forwards.len());
            let errand = self.errand();
            script.events.push((at, Event::Program { forward, errand }));
        }
        if self.one_in(4) {
            let at = self.moment(script);
            let crowd = Event::Crowd {
                forward: self.0.usize(0..script.forwards.len()),
                programs: self.0.u8(4..10),
                errand: Errand::Download {
                    bytes: 2 << 20,
                    pace: 0,
                    late_ms: 0,
                },
            };
            script.events.push((at, crowd));
        }
    }

    fn errand(&mut self) -> Errand {
        match self.0.u32(0..12) {
            0..4 => Errand::Download {
                bytes: self.magnitude(1.0, 600e3),
                pace: 0,
                late_ms: 0,
            },
            4 => Errand::Download {
                bytes: self.magnitude(10e3, 300e3),
                pace: self.magnitude(10e3, 1e6),
                late_ms: 0,
            },
            5 => Errand::Download {
                bytes: self.magnitude(100e3, 2e6),
                pace: 0,
                late_ms: self.0.u32(1_000..60_000),
            },
            6..8 => Errand::Upload {
                bytes: self.magnitude(1.0, 600e3),
            },
            8..10 => Errand::Echo {
                rounds: self.0.u32(1..20),
                bytes: self.magnitude(1.0, 5e3),
                pause_ms: self.magnitude(1.0, 10e3),
            },
            10 => Errand::Abort {
                bytes: self.magnitude(10e3, 600e3),
                after: self.magnitude(1.0, 10e3),
            },
            _ => Errand::Deaf {
                bytes: self.magnitude(10e3, 1e6),
                millis: self.0.u32(1_000..120_000),
            },
        }
    }

    /// Calm runs have the strictest promises, so there are many of them.
    fn faults(&mut self, script: &mut Script) {
        let count = match self.0.u32(0..4) {
            0 => 0,
            1 => 1,
            2 => self.0.u32(2..5),
            _ => self.0.u32(5..16),
        };
        for _ in 0..count {
            let at = self.moment(script);
            let fault = self.fault(script);
            script.events.push((at, fault));
        }
    }

    /// A service that is dead for an hour, and a program that asks for it all the time.
    fn dead_service(&mut self, script: &mut Script) {
        if !self.one_in(40) {
            return;
        }
        let forward = self.0.usize(0..script.forwards.len());
        let at = self.0.u32(60_000..3_000_000);
        let millis = 3_600_000;
        script.events.push((at, Event::Refuses { forward, millis }));
        let pause_ms = self.0.u32(500..800);
        let knocks = Event::Knocks {
            forward,
            millis,
            pause_ms,
        };
        script.events.push((at, knocks));
    }

    /// A target that stops a server of one task, a program that asks for it all the time, and one that
    /// asks for another.
    fn stopping_target(&mut self, script: &mut Script) {
        if !script.manners.in_line || !self.one_in(3) {
            return;
        }
        let at = self.moment(script);
        let count = script.forwards.len();
        let forward = self.0.usize(0..count);
        let other = (forward + self.0.usize(1..count)) % count;
        let millis = self.magnitude(60e3, 600e3);
        script.events.push((at, Event::Hangs { forward, millis }));
        for forward in [forward, other] {
            let pause_ms = self.magnitude(500.0, 10e3);
            let knocks = Event::Knocks {
                forward,
                millis,
                pause_ms,
            };
            script.events.push((at, knocks));
        }
    }

    /// A program that asks for more than may wait for it in memory and reads none of it, and one that
    /// asks for another target meanwhile.
    fn dead_reader(&mut self, script: &mut Script) {
        if !self.one_in(30) {
            return;
        }
        let at = self.moment(script);
        let count = script.forwards.len();
        let forward = self.0.usize(0..count);
        let millis = self.magnitude(60e3, 600e3);
        let errand = Errand::Deaf {
            bytes: self.magnitude(80e6, 120e6),
            millis,
        };
        script.events.push((at, Event::Program { forward, errand }));
        let knocks = Event::Knocks {
            forward: (forward + self.0.usize(1..count)) % count,
            millis,
            pause_ms: self.magnitude(1e3, 20e3),
        };
        script.events.push((at, knocks));
    }

    fn fault(&mut self, script: &Script) -> Event {
        let forward = self.0.usize(0..script.forwards.len());
        match self.0.u32(0..16) {
            0 => Event::Cut,
            1 | 2 => Event::Silence {
                direction: match self.0.u32(0..4) {
                    0 => Some(Direction::Up),
                    1 => Some(Direction::Down),
                    _ => None,
                },
                millis: self.magnitude(500.0, 300e3),
            },
            3 => Event::HalfOpen { told: self.loss() },
            4 => Event::Restart {
                told: self.loss(),
                millis: self.magnitude(10.0, 300e3),
            },
            5 => Event::Mute {
                millis: self.magnitude(1e3, 60e3),
            },
            6 => Event::Busy {
                millis: self.magnitude(1e3, 60e3),
            },
            7 => Event::Sleep {
                millis: self.magnitude(1e3, 3_600e3),
                told: self.0.bool(),
                lost: match self.0.u32(0..3) {
                    0 => None,
                    _ => Some(self.loss()),
                },
            },
            8 => Event::NoRoute {
                millis: self.magnitude(500.0, 600e3),
            },
            9 => Event::OtherAddress {
                lost: self.0.bool(),
            },
            10 => Event::NoName {
                millis: self.magnitude(1e3, 120e3),
                hangs: self.0.bool(),
            },
            11 => Event::Slow {
                quality: Quality {
                    delay_ms: self.0.u32(0..2_000),
                    bandwidth: self.magnitude(50e3, 4e6),
                    queue: self.magnitude(16e3, 2e6),
                },
                millis: self.magnitude(1e3, 120e3),
            },
            12 => Event::Refuses {
                forward,
                millis: self.magnitude(1e3, 3_600e3),
            },
            13 => Event::Hangs {
                forward,
                millis: self.magnitude(1e3, 600e3),
            },
            14 => Event::Down {
                millis: self.magnitude(10.0, 60e3),
            },
            _ => Event::Again,
        }
    }

    fn loss(&mut self) -> Loss {
        match self.0.u32(0..4) {
            0 => Loss::Reset,
            1 => Loss::Ended,
            2 => Loss::OnWrite,
            _ => Loss::Never,
        }
    }
}

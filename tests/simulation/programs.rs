//! Local programs: each connects to a forward's port, does its errand, and looks at every byte.

use crate::local::Program;
use crate::pattern::Pattern;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// Read and written at once.
const PIECE: usize = 32 << 10;

/// What a program wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Errand {
    /// Asks for so many bytes, begins to read after a while, and reads `pace` bytes a second; 0: as
    /// fast as they come.
    Download { bytes: u32, pace: u32, late_ms: u32 },
    /// Sends so many bytes and waits for the service's word that they came.
    Upload { bytes: u32 },
    /// Sends something and waits for it to come back, again and again.
    Echo {
        rounds: u32,
        bytes: u32,
        pause_ms: u32,
    },
    /// Asks for so many bytes and resets the connection after some.
    Abort { bytes: u32, after: u32 },
    /// Asks for so many bytes, reads none, and goes.
    Deaf { bytes: u32, millis: u32 },
}

/// How a connection ended, as its program sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The errand is done, and the end was an orderly one.
    Whole,
    /// The program went by itself.
    Left,
    /// It was reset.
    Reset,
    /// An orderly end came too early, or a byte is wrong: what must never be.
    Wrong(String),
}

impl Errand {
    /// Does it. `seed` says which bytes are asked for.
    pub(crate) async fn run(self, mut program: Program, seed: u64) -> Ending {
        let outcome = match self {
            Self::Download {
                bytes,
                pace,
                late_ms,
            } => {
                let late = Duration::from_millis(u64::from(late_ms));
                download(&mut program, seed, bytes, pace, late).await
            }
            Self::Upload { bytes } => upload(&mut program, seed, bytes).await,
            Self::Echo {
                rounds,
                bytes,
                pause_ms,
            } => {
                let pause = Duration::from_millis(u64::from(pause_ms));
                echo(&mut program, seed, rounds, bytes as usize, pause).await
            }
            Self::Abort { bytes, after } => {
                return abort(program, seed, bytes, after.min(bytes)).await;
            }
            Self::Deaf { bytes, millis } => {
                return deaf(program, seed, bytes, millis).await;
            }
        };
        match outcome {
            Ok(ending) => ending,
            Err(_) => Ending::Reset,
        }
    }
}

async fn ask_for(program: &mut Program, seed: u64, bytes: u32) -> io::Result<()> {
    program
        .write_all(format!("D {seed} {bytes}\n").as_bytes())
        .await
}

async fn download(
    program: &mut Program,
    seed: u64,
    bytes: u32,
    pace: u32,
    late: Duration,
) -> io::Result<Ending> {
    ask_for(program, seed, bytes).await?;
    program.shutdown().await?;
    sleep(late).await;
    let mut pattern = Pattern::new(seed);
    let mut read = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let count = program.read(&mut piece).await?;
        if count == 0 {
            break;
        }
        read += count;
        if !pattern.goes_on_with(&piece[..count]) {
            return Ok(Ending::Wrong(format!("wrong within byte {read}")));
        }
        if pace > 0 {
            sleep(Duration::from_secs_f64(count as f64 / f64::from(pace))).await;
        }
    }
    Ok(complete(read, bytes as usize))
}

fn complete(came: usize, of: usize) -> Ending {
    if came == of {
        Ending::Whole
    } else {
        Ending::Wrong(format!("an orderly end after {came} of {of} bytes"))
    }
}

async fn upload(program: &mut Program, seed: u64, bytes: u32) -> io::Result<Ending> {
    program
        .write_all(format!("U {seed} {bytes}\n").as_bytes())
        .await?;
    let mut pattern = Pattern::new(seed);
    let mut left = bytes as usize;
    while left > 0 {
        let piece = pattern.take(left.min(PIECE));
        program.write_all(&piece).await?;
        left -= piece.len();
    }
    program.shutdown().await?;
    let mut answer = String::new();
    program.read_to_string(&mut answer).await?;
    Ok(match answer.as_str() {
        "ok" => Ending::Whole,
        other => Ending::Wrong(format!("the service's word on an upload is {other:?}")),
    })
}

async fn echo(
    program: &mut Program,
    seed: u64,
    rounds: u32,
    bytes: usize,
    pause: Duration,
) -> io::Result<Ending> {
    program.write_all(b"E\n").await?;
    let mut pattern = Pattern::new(seed);
    for round in 0..rounds {
        let said = pattern.take(bytes);
        program.write_all(&said).await?;
        let mut heard = vec![0; bytes];
        match program.read_exact(&mut heard).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Ending::Wrong(format!("an orderly end in round {round}")));
            }
            Err(error) => return Err(error),
        }
        if said != heard {
            return Ok(Ending::Wrong(format!("another echo in round {round}")));
        }
        sleep(pause).await;
    }
    program.shutdown().await?;
    let rest = program.read(&mut [0; 1]).await?;
    Ok(complete(rest, 0))
}

async fn abort(mut program: Program, seed: u64, bytes: u32, after: u32) -> Ending {
    if ask_for(&mut program, seed, bytes).await.is_ok() {
        let mut some = vec![0; after as usize];
        // However it goes: the program wants no more.
        let _ = program.read_exact(&mut some).await;
    }
    program.abort();
    Ending::Left
}

async fn deaf(mut program: Program, seed: u64, bytes: u32, millis: u32) -> Ending {
    if ask_for(&mut program, seed, bytes).await.is_ok() {
        sleep(Duration::from_millis(u64::from(millis))).await;
    }
    Ending::Left
}

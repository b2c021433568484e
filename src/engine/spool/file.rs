//! The temporary file under a queue. Everything here may block.

use super::queue::Job;
use crate::platform;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file without a name, made when the first byte is written: nobody else can open it, and it is
/// gone with its handle, however the process ends.
#[derive(Debug, Default)]
pub(super) struct SpoolFile(Option<File>);

/// What a job came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// So many bytes were written: all of them.
    Written(usize),
    /// These bytes were read.
    Read(Bytes),
    /// The file is gone.
    Discarded,
}

impl SpoolFile {
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Does the job, with a new file in `dir` if there is none.
    pub(super) fn perform(&mut self, job: Job, dir: &Path) -> io::Result<Outcome> {
        match job {
            Job::Write { offset, data } => {
                let file = self.open(dir)?;
                file.seek(SeekFrom::Start(offset))?;
                for bytes in &data {
                    file.write_all(bytes)?;
                }
                Ok(Outcome::Written(data.iter().map(Bytes::len).sum()))
            }
            Job::Read { offset, len } => {
                let file = self.open(dir)?;
                file.seek(SeekFrom::Start(offset))?;
                let mut bytes = vec![0; len];
                file.read_exact(&mut bytes)?;
                Ok(Outcome::Read(bytes.into()))
            }
            Job::Discard => {
                self.0 = None;
                Ok(Outcome::Discarded)
            }
        }
    }

    fn open(&mut self, dir: &Path) -> io::Result<&mut File> {
        let file = match self.0.take() {
            Some(file) => file,
            None => {
                platform::create_private_dir(dir)?;
                tempfile::tempfile_in(dir)?
            }
        };
        Ok(self.0.insert(file))
    }
}

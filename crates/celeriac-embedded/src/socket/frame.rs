//! Frames: a length, the number of the request that they belong to, what they
//! are, and a MessagePack value.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use celeriac_core::ErrorKind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;

use super::MAX_FRAME;

/// The length, which does not count itself.
const LENGTH: usize = 4;
/// Number and kind.
const HEADER: usize = 9;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FrameKind {
    /// The first frame of either side: its version.
    Hello = 0,
    /// Something is asked.
    Request = 1,
    /// The answer to a request.
    Answer = 2,
    /// The request failed.
    Failure = 3,
    /// Nobody waits for the answer any more. No value.
    Cancel = 4,
    /// The client goes, and lives on. No value.
    Goodbye = 5,
}

impl FrameKind {
    fn of(byte: u8) -> Option<Self> {
        let known =
            [Self::Hello, Self::Request, Self::Answer, Self::Failure, Self::Cancel, Self::Goodbye];
        known.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A frame as it was read.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) number: u64,
    pub(super) kind: FrameKind,
    pub(super) value: Bytes,
}

/// The first value of either side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The version of the protocol.
    pub(super) version: u32,
    /// The process id, for people.
    pub(super) pid: u32,
}

/// Why a request failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: u8,
    pub(super) context: String,
}

const KINDS: [ErrorKind; 11] = [
    ErrorKind::Unreachable,
    ErrorKind::Timeout,
    ErrorKind::Busy,
    ErrorKind::NoSpace,
    ErrorKind::Corrupt,
    ErrorKind::Config,
    ErrorKind::Denied,
    ErrorKind::Unsupported,
    ErrorKind::Invalid,
    ErrorKind::Closed,
    ErrorKind::Internal,
];

impl Failure {
    pub(super) fn new(error: &celeriac_core::Error) -> Self {
        // An owner that was closed is soon replaced: the client may try again.
        let kind = match error.kind() {
            ErrorKind::Closed => ErrorKind::Unreachable,
            kind => kind,
        };
        let index = KINDS.iter().position(|known| *known == kind);
        Self { kind: index.unwrap_or(KINDS.len() - 1) as u8, context: error.context().to_owned() }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        let kind = KINDS.get(usize::from(self.kind));
        kind.copied().unwrap_or(ErrorKind::Internal)
    }
}

/// A frame with `value`, ready to be sent.
pub(super) fn encode<T: Serialize>(number: u64, kind: FrameKind, value: &T) -> io::Result<Vec<u8>> {
    let mut frame = header(number, kind);
    rmp_serde::encode::write(&mut frame, value).map_err(io::Error::other)?;
    finish(frame)
}

/// A frame without a value, ready to be sent.
pub(super) fn encode_empty(number: u64, kind: FrameKind) -> Vec<u8> {
    let mut frame = header(number, kind);
    frame[..LENGTH].copy_from_slice(&(HEADER as u32).to_le_bytes());
    frame
}

fn header(number: u64, kind: FrameKind) -> Vec<u8> {
    let mut frame = Vec::with_capacity(256);
    frame.extend([0; LENGTH]);
    frame.extend(number.to_le_bytes());
    frame.push(kind as u8);
    frame
}

fn finish(mut frame: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = frame.len() - LENGTH;
    if length > MAX_FRAME {
        let text =
            format!("{length} bytes do not fit into a frame of {MAX_FRAME}; use smaller batches");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    frame[..LENGTH].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Reads a value.
pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(value).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads frames from a socket.
#[derive(Debug)]
pub(super) struct Incoming {
    socket: OwnedReadHalf,
    buffer: BytesMut,
}

impl Incoming {
    pub(super) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, buffer: BytesMut::new() }
    }

    /// The next frame; `None` at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some(length) = self.buffer.first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if !(HEADER..=MAX_FRAME).contains(&length) {
            let text = format!("a frame of {length} bytes; {HEADER} to {MAX_FRAME} are read");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if self.buffer.len() < LENGTH + length {
            self.buffer.reserve(LENGTH + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        let mut frame = self.buffer.split_to(length).freeze();
        let number = frame.get_u64_le();
        let Some(kind) = FrameKind::of(frame.get_u8()) else {
            let text = "a frame of a kind that this build does not know";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        Ok(Some(Frame { number, kind, value: frame }))
    }
}

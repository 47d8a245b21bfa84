//! The sending half of a connection: frames are written at once where the
//! socket takes them, also from code that can't await; the rest follows.

use std::io;

use parking_lot::Mutex;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::Notify;

/// The sending half of a connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    socket: OwnedWriteHalf,
    rest: Mutex<Rest>,
    waiting: Notify,
}

/// What the socket did not take yet.
#[derive(Debug, Default)]
struct Rest {
    bytes: Vec<u8>,
    /// Bytes that were sent so far, these among them.
    sent: u64,
}

impl Outgoing {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self { socket, rest: Mutex::default(), waiting: Notify::new() }
    }

    /// Sends a frame; gives where it ends, in bytes since the beginning. An error
    /// means that the other side is gone.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<u64> {
        let mut rest = self.rest.lock();
        let taken = match rest.bytes.is_empty() {
            true => self.write(frame)?,
            false => 0,
        };
        rest.sent += frame.len() as u64;
        let end = rest.sent;
        if taken < frame.len() {
            rest.bytes.extend_from_slice(&frame[taken..]);
            drop(rest);
            self.waiting.notify_one();
        }
        Ok(end)
    }

    /// How much the socket has taken, in bytes since the beginning.
    pub(super) fn written(&self) -> u64 {
        let rest = self.rest.lock();
        rest.sent - rest.bytes.len() as u64
    }

    /// Sends what the socket did not take at once; ends when the other side is
    /// gone.
    pub(super) async fn drain(&self) -> io::Result<()> {
        loop {
            self.waiting.notified().await;
            while !self.rest.lock().bytes.is_empty() {
                self.socket.writable().await?;
                let mut rest = self.rest.lock();
                let taken = self.write(&rest.bytes)?;
                rest.bytes.drain(..taken);
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.socket.try_write(&bytes[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}

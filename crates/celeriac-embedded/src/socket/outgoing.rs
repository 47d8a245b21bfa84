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
    /// What the socket did not take yet.
    rest: Mutex<Vec<u8>>,
    waiting: Notify,
}

impl Outgoing {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self { socket, rest: Mutex::default(), waiting: Notify::new() }
    }

    /// Sends a frame. An error means that the other side is gone.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        let mut rest = self.rest.lock();
        let sent = match rest.is_empty() {
            true => self.write(frame)?,
            false => 0,
        };
        if sent < frame.len() {
            rest.extend_from_slice(&frame[sent..]);
            drop(rest);
            self.waiting.notify_one();
        }
        Ok(())
    }

    /// Sends what the socket did not take at once; ends when the other side is
    /// gone.
    pub(super) async fn drain(&self) -> io::Result<()> {
        loop {
            self.waiting.notified().await;
            while !self.rest.lock().is_empty() {
                self.socket.writable().await?;
                let mut rest = self.rest.lock();
                let sent = self.write(&rest)?;
                rest.drain(..sent);
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

//! Notes that deliveries begin to run: a connection of its own that is written
//! to at once, and never read from.
//!
//! What was written to a socket reaches the server even if the process dies at
//! the next instruction, as it may: a message that kills its process must be
//! counted. Waiting for the answer would cost each batch a round trip.

use std::time::Duration;

use parking_lot::Mutex;
use redis::{Connection, ConnectionInfo, RedisResult};

use crate::call::Call;

const CONNECT: Duration = Duration::from_secs(3);
/// How long a write may take: the server is not reading, and a batch waits.
const WRITE: Duration = Duration::from_millis(50);

/// The connection, while there is one.
#[derive(Default)]
pub(crate) struct Beginnings {
    connection: Mutex<Option<Connection>>,
}

impl Beginnings {
    /// Connects; blocks.
    pub(crate) fn connect(node: &ConnectionInfo) -> RedisResult<Connection> {
        let client = redis::Client::open(node.clone())?;
        let mut connection = client.get_connection_with_timeout(CONNECT)?;
        connection.set_write_timeout(Some(WRITE))?;
        let quiet = redis::cmd("CLIENT").arg("REPLY").arg("OFF").get_packed_command();
        connection.send_packed_command(&quiet)?;
        Ok(connection)
    }

    pub(crate) fn replace(&self, connection: Connection) {
        *self.connection.lock() = Some(connection);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.lock().is_some()
    }

    /// Writes calls; whether they could be written.
    pub(crate) fn write(&self, calls: &[Call]) -> bool {
        let mut bytes = Vec::new();
        for command in calls.iter().filter_map(Call::with_text) {
            command.write_packed_command(&mut bytes);
        }
        if bytes.is_empty() {
            return true;
        }
        let mut connection = self.connection.lock();
        let Some(open) = connection.as_mut() else {
            return false;
        };
        let written = open.send_packed_command(&bytes).is_ok();
        if !written {
            *connection = None;
        }
        written
    }
}

//! Turns off Nagle's algorithm for new connections, which sqlx 0.9.0 forgot
//! (transact-rs/sqlx#4335, mended after 0.9.0; this file goes with the next release).
//!
//! With it, the last part of a statement that is longer than a segment waits for the
//! server's delayed acknowledgement of the part before: 40 ms. sqlx does not lend its
//! socket, so it is found by its number and its server, and duplicated by a call that
//! debuggers use. Where that is forbidden, as in some containers, statements are slow
//! and right; it is said once. Only Linux knows that call.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnectOptions;

/// The sockets that were open before a connection was made.
pub(crate) struct Before(BTreeSet<i32>);

impl Before {
    /// Looks at them; none if the connection is no TCP connection.
    pub(crate) fn now(connect: &PgConnectOptions) -> Option<Self> {
        connect.get_socket().is_none().then(|| Self(imp::sockets()))
    }

    /// Turns it off for those that came since and have that server at their other end.
    pub(crate) fn turn_off_since(self, connect: &PgConnectOptions) {
        let new: Vec<i32> = imp::sockets().difference(&self.0).copied().collect();
        imp::turn_off(&new, connect.get_port());
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;
    use std::sync::Once;

    use rustix::net::{getpeername, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    pub(super) fn sockets() -> BTreeSet<i32> {
        let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return BTreeSet::new() };
        let sockets = open.flatten().filter(|entry| {
            let target = std::fs::read_link(entry.path());
            target.is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:"))
        });
        sockets.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    pub(super) fn turn_off(sockets: &[i32], port: u16) {
        for socket in sockets {
            if let Err(error) = turn_off_one(*socket, port) {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    tracing::warn!(
                        %error,
                        "Nagle's algorithm can't be turned off for PostgreSQL: statements may \
                         wait 40 ms; allow the call pidfd_getfd, or connect by a Unix socket"
                    );
                });
            }
        }
    }

    /// Another thread may have closed it meanwhile, or opened another one by its
    /// number: the duplicate is looked at, not the number.
    fn turn_off_one(socket: i32, port: u16) -> rustix::io::Result<()> {
        let own = pidfd_open(getpid(), PidfdFlags::empty())?;
        let socket = pidfd_getfd(&own, socket, PidfdGetfdFlags::empty())?;
        let peer = getpeername(&socket).ok().flatten().map(SocketAddr::try_from);
        if !matches!(peer, Some(Ok(peer)) if peer.port() == port) {
            return Ok(());
        }
        sockopt::set_tcp_nodelay(&socket, true)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::collections::BTreeSet;

    pub(super) fn sockets() -> BTreeSet<i32> {
        BTreeSet::new()
    }

    pub(super) fn turn_off(_sockets: &[i32], _port: u16) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn new_connections_to_the_server_and_no_others_are_changed() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let old = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let connect = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
        let before = Before::now(&connect).unwrap();
        let new = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let elsewhere = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        before.turn_off_since(&connect);
        let changed = [&old, &new, &elsewhere].map(|stream| stream.nodelay().unwrap());
        assert_eq!(changed, [false, true, false]);
        assert!(Before::now(&connect.socket("/tmp")).is_none());
    }
}

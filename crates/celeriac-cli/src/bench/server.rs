//! The servers that are measured with: their CPU time, if they run on this
//! machine and the kernel lets us look.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use celeriac::Address;

use super::process;

/// The state of a listening socket in the kernel's table.
const LISTENING: &str = "0A";

/// The processes of broker and store on this machine.
pub(super) struct Servers {
    roots: Vec<u32>,
}

impl Servers {
    /// Who listens where these addresses say.
    pub(super) fn find<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Self {
        let ports: BTreeSet<u16> = addresses.into_iter().filter_map(local_port).collect();
        let inodes: BTreeSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening(&table, &ports))
            .collect();
        let listens = |id: &u32| !inodes.is_empty() && has_socket(*id, &inodes);
        let mut roots: Vec<u32> = processes().into_iter().filter(listens).collect();
        // Children inherit the socket of the process that opened it.
        let all = roots.clone();
        roots.retain(|id| process::stat(*id).is_some_and(|stat| !all.contains(&stat.parent)));
        Self { roots }
    }

    /// The CPU time of these processes and all that they started, so far.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        if self.roots.is_empty() {
            return None;
        }
        let all: Vec<(u32, process::Stat)> =
            processes().into_iter().filter_map(|id| Some((id, process::stat(id)?))).collect();
        let (mut total, mut family) = (Duration::ZERO, self.roots.clone());
        while let Some(id) = family.pop() {
            family.extend(all.iter().filter(|(_, stat)| stat.parent == id).map(|(id, _)| *id));
            let own = all.iter().find(|(other, _)| *other == id);
            total += own.map_or(Duration::ZERO, |(_, stat)| stat.cpu + stat.cpu_of_ended);
        }
        Some(total)
    }
}

/// The port of an address on this machine.
fn local_port(address: &Address) -> Option<u16> {
    let default = match address.scheme().as_str() {
        "redis" | "rediss" => 6379,
        "postgres" | "postgresql" => 5432,
        "amqp" => 5672,
        "amqps" => 5671,
        "nats" | "tls" => 4222,
        _ => return None,
    };
    let place = address.rest().split(['/', '?', '#']).next()?;
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, default),
    };
    ["localhost", "127.0.0.1", "[::1]", ""].contains(&host).then_some(port)
}

/// The inodes of the sockets that listen on one of these ports.
fn listening(table: &str, ports: &BTreeSet<u16>) -> Vec<String> {
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let listens = *fields.get(3)? == LISTENING && ports.contains(&port);
        listens.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]"))).flatten()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let id = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    entries.filter_map(id).collect()
}

fn has_socket(id: u32, inodes: &BTreeSet<String>) -> bool {
    let Ok(files) = fs::read_dir(Path::new("/proc").join(id.to_string()).join("fd")) else {
        return false;
    };
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links.into_iter().any(|link| link.to_str().is_some_and(|link| inodes.contains(link)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_this_machine() {
        for (address, port) in [
            ("redis://localhost", Some(6379)),
            ("redis://:secret@127.0.0.1:7000/3?prefix=x", Some(7000)),
            ("postgres://a:b@localhost/db", Some(5432)),
            ("nats://[::1]", Some(4222)),
            ("redis://elsewhere", None),
            ("memory://", None),
        ] {
            assert_eq!(local_port(&Address::from(address)), port, "{address}");
        }
    }

    #[test]
    fn who_listens_is_found_by_its_socket() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let address = Address::from(format!("redis://127.0.0.1:{port}"));
        let servers = Servers::find([&address]);
        if cfg!(target_os = "linux") {
            assert_eq!(servers.roots, [std::process::id()]);
            assert!(servers.cpu_time().is_some());
        }
        assert_eq!(Servers::find([&Address::from("memory://")]).cpu_time(), None);
    }
}

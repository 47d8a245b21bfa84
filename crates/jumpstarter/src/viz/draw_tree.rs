//! From snapshots to a scene: a card for each actor, an edge to each child, a
//! dashed one to each dependency.

use std::collections::BTreeMap;

use crate::lifecycle::State;
use crate::lifecycle::restart::State as RestartRegion;
use crate::snapshot::ActorSnapshot;

use super::scene::{Edge, Kind, Node, Scene, Shape};
use super::tone::Tone;

/// The scene of a tree. Siblings of the same path are told apart by their order.
pub(super) fn scene(title: &str, actors: &[ActorSnapshot]) -> Scene {
    let mut by_path: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, actor) in actors.iter().enumerate() {
        by_path.entry(&actor.path).or_insert(index);
    }
    let mut edges = Vec::new();
    for (index, actor) in actors.iter().enumerate() {
        let parent = actor.path.rsplit_once('/').and_then(|(parent, _)| by_path.get(parent));
        if let Some(&from) = parent {
            edges.push(Edge { from, to: index, labels: vec![], dashed: false });
        }
    }
    for (from, actor) in actors.iter().enumerate() {
        for &to in actor.dependencies.iter().filter_map(|path| by_path.get(path.as_str())) {
            edges.push(Edge { from, to, labels: vec![], dashed: true });
        }
    }
    let nodes = actors.iter().map(card).collect();
    Scene { title: title.to_owned(), kind: Kind::Tree, nodes, edges }
}

fn card(actor: &ActorSnapshot) -> Node {
    let name = actor.path.rsplit('/').next().unwrap_or(&actor.path).to_owned();
    let state = match actor.restart {
        RestartRegion::Stopping | RestartRegion::Starting => {
            format!("{} ({})", actor.state, actor.restart)
        }
        RestartRegion::Ignore | RestartRegion::Restarted => actor.state.to_string(),
    };
    let room = match actor.mailbox_capacity {
        Some(capacity) => format!("mailbox {}/{capacity}", actor.mailbox_depth),
        None => format!("mailbox {}, no bound", actor.mailbox_depth),
    };
    let room = match actor.stashed {
        0 => room,
        stashed => format!("{room} · {stashed} stashed"),
    };
    let load = match actor.restarts {
        0 => room,
        1 => format!("{room} · 1 restart"),
        restarts => format!("{room} · {restarts} restarts"),
    };
    Node {
        shape: Shape::Card,
        name,
        detail: vec![short_type(actor.type_name), state, load],
        tooltip: tooltip(actor),
        tone: Tone::of_path(actor.state.path()),
        parent: None,
        current: false,
    }
}

fn tooltip(actor: &ActorSnapshot) -> String {
    let mut lines = vec![actor.path.clone(), actor.type_name.to_owned()];
    lines.push(format!("{} messages done, {} in hand", actor.processed, actor.in_hand));
    lines.extend(actor.tasks.iter().map(|(name, state)| format!("task {name}: {state:?}")));
    if actor.state == State::Crashed {
        lines.extend(actor.crash.clone());
    }
    lines.join("\n")
}

/// A type's name without the modules, those of its parameters included.
pub(super) fn short_type(type_name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for letter in type_name.chars() {
        match letter {
            ':' => word.clear(),
            letter if letter.is_alphanumeric() || letter == '_' => word.push(letter),
            other => {
                short.push_str(&word);
                word.clear();
                short.push(other);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::short_type;

    #[test]
    fn types_lose_their_modules() {
        assert_eq!(short_type("app::store::Store"), "Store");
        assert_eq!(
            short_type("app::Cache<std::string::String, [u8; 4]>"),
            "Cache<String, [u8; 4]>"
        );
        assert_eq!(short_type("Plain"), "Plain");
    }
}

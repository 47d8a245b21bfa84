//! From a chart to a scene: frames, dots, the extension inside the leaf that it
//! refines, and the regions beside it.

use crate::chart::{Arrow, Chart, Region};
use crate::snapshot::ActorSnapshot;

use super::arrows::{self, Places};
use super::scene::{Edge, Kind, Node, Scene, Shape};
use super::tone::Tone;

/// The scene of a chart; of an actor's own, if `live` is given.
pub(super) fn scene(chart: &'static Chart, live: Option<&ActorSnapshot>) -> Scene {
    let title = match live {
        Some(actor) => {
            format!("{} · {}", actor.path, super::draw_tree::short_type(actor.type_name))
        }
        None => chart.name.to_owned(),
    };
    let scene =
        Scene { title: title.clone(), kind: Kind::Chart, nodes: Vec::new(), edges: Vec::new() };
    let mut draft = Draft { scene, paths: Vec::new() };
    let frame = draft.frame(Shape::Frame, title, chart.name, None);
    draft.chart(chart, frame);
    draft.regions(chart, frame, live);
    if let Some(actor) = live {
        draft.highlight(frame, actor.state.path());
    }
    draft.scene
}

/// A scene in the making.
struct Draft {
    scene: Scene,
    /// The state behind each node: the frame of its chart, and its path.
    paths: Vec<Option<(usize, &'static str)>>,
}

impl Draft {
    fn push(&mut self, node: Node, path: Option<(usize, &'static str)>) -> usize {
        self.scene.nodes.push(node);
        self.paths.push(path);
        self.scene.nodes.len() - 1
    }

    fn frame(&mut self, shape: Shape, name: String, tooltip: &str, parent: Option<usize>) -> usize {
        let tooltip = tooltip.to_owned();
        let tone = Tone::Plain;
        self.push(Node { shape, name, detail: vec![], tooltip, tone, parent, current: false }, None)
    }

    /// The states of a chart and the ones that it extends, inside `frame`.
    fn chart(&mut self, chart: &'static Chart, frame: usize) {
        if let Some(base) = chart.extends {
            self.chart(base, frame);
        }
        let mut nodes = Vec::new();
        for state in chart.states {
            let parent = match state.parent {
                Some(parent) => nodes[parent],
                None => self.refined_leaf(frame, state.path).unwrap_or(frame),
            };
            if parent != frame {
                self.scene.nodes[parent].shape = Shape::Frame;
            }
            let node = Node {
                shape: Shape::State,
                name: state.name.to_owned(),
                detail: vec![],
                tooltip: state.path.to_owned(),
                tone: Tone::of_path(state.path),
                parent: Some(parent),
                current: false,
            };
            nodes.push(self.push(node, Some((frame, state.path))));
        }
        let dots = self.dots(chart, frame, &nodes);
        self.arrows(chart, frame, &nodes, &dots);
    }

    /// The leaf of the extended chart that a state of the extension stands in.
    fn refined_leaf(&self, frame: usize, path: &str) -> Option<usize> {
        let (leaf, _) = path.rsplit_once('.')?;
        self.paths.iter().position(|known| *known == Some((frame, leaf)))
    }

    /// A dot in every frame that is entered at a certain place. Gives for each
    /// state the dot that stands for the state itself.
    fn dots(&mut self, chart: &'static Chart, frame: usize, nodes: &[usize]) -> Vec<Option<usize>> {
        let mut own = vec![None; nodes.len()];
        let mut entered: Vec<usize> = Vec::new();
        for (index, state) in chart.states.iter().enumerate().filter(|(_, state)| state.initial) {
            let Some(parent) = self.scene.nodes[nodes[index]].parent else { continue };
            entered.push(parent);
            self.dot(parent, String::new(), Some(nodes[index]));
            if let Some(around) = state.parent {
                debug_assert_eq!(nodes[around], parent, "a sub-state stands in its parent");
            }
        }
        if chart.extends.is_none() && !entered.contains(&frame) && !nodes.is_empty() {
            self.dot(frame, String::new(), Some(nodes[0]));
        }
        for (index, state) in chart.states.iter().enumerate() {
            let has_inner = chart.states.iter().any(|inner| inner.parent == Some(index));
            let passes = |arrow: &Arrow| {
                arrow.from == index && self.scene.is_inside(nodes[arrow.to], nodes[index])
            };
            let passed = chart.arrows.iter().any(passes);
            if state.resting && has_inner && passed && !entered.contains(&nodes[index]) {
                own[index] = Some(self.dot(nodes[index], state.name.to_owned(), None));
            }
        }
        own
    }

    fn dot(&mut self, parent: usize, name: String, to: Option<usize>) -> usize {
        let tooltip = self.scene.nodes[parent].tooltip.clone();
        let (shape, tone) = (Shape::Dot, self.scene.nodes[parent].tone);
        let node = Node {
            shape,
            name,
            detail: vec![],
            tooltip,
            tone,
            parent: Some(parent),
            current: false,
        };
        let dot = self.push(node, None);
        if let Some(to) = to {
            self.scene.edges.push(Edge { from: dot, to, labels: vec![], dashed: false });
        }
        dot
    }

    fn arrows(&mut self, chart: &Chart, frame: usize, nodes: &[usize], dots: &[Option<usize>]) {
        let places = Places { nodes, dots, frame };
        let edges = arrows::edges(&self.scene, &places, chart.arrows);
        self.scene.edges.extend(edges);
    }

    fn regions(&mut self, chart: &'static Chart, frame: usize, live: Option<&ActorSnapshot>) {
        if let Some(base) = chart.extends {
            self.regions(base, frame, live);
        }
        for region in chart.regions {
            match live {
                Some(actor) if region.many => {
                    for (name, state) in &actor.tasks {
                        let region = self.region(region, format!("task {name}"), frame);
                        self.highlight(region, state.path());
                    }
                }
                Some(actor) => {
                    let node = self.region(region, region.chart.name.to_owned(), frame);
                    self.highlight(node, actor.restart.path());
                }
                None if region.many => {
                    self.region(region, format!("{}, any number", region.chart.name), frame);
                }
                None => {
                    self.region(region, region.chart.name.to_owned(), frame);
                }
            }
        }
    }

    fn region(&mut self, region: &Region, name: String, parent: usize) -> usize {
        let node = self.frame(Shape::Region, name, region.chart.name, Some(parent));
        self.chart(region.chart, node);
        node
    }

    /// Marks the state of that path in the chart of that frame, and the states
    /// around it.
    fn highlight(&mut self, frame: usize, path: &str) {
        for (node, known) in self.scene.nodes.iter_mut().zip(&self.paths) {
            let Some((at, state)) = known else { continue };
            let around = path.strip_prefix(state).is_some_and(|rest| rest.starts_with('.'));
            node.current |= *at == frame && (*state == path || around);
        }
    }
}

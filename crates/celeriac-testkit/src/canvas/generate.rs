//! Random canvases from a seed.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::HeaderValue;
use celeriac_core::workflow::{
    Canvas, Comparison, Condition, Each, Items, JsonPath, Millis, Options, Policy, Shape,
    Signature, Stage,
};

use super::size::steps;
use crate::dice::Dice;

/// More steps say no more.
const MAX_STEPS: usize = 80;

/// What may occur in a canvas.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// The policies of groups, one as likely as the other.
    pub policies: &'static [Policy],
    /// The tasks, likewise; [`run`](super::run) says what they do.
    pub tasks: &'static [&'static str],
    /// Whether some steps wait for a countdown.
    pub countdowns: bool,
}

const POLICIES: &[Policy] = &[Policy::WaitAll, Policy::WaitAll, Policy::FailFast, Policy::Settle];

impl Palette {
    /// Everything that an engine alone can do.
    pub const ALL: Self = Self {
        policies: POLICIES,
        tasks: &["mix", "mix", "mix", "odd", "fail", "list", "lists", "map", "null", "replace"],
        countdowns: false,
    };
    /// As above, and what takes a store and a clock: tasks that are tried
    /// again, expire, and are revoked.
    pub const LIVE: Self = Self {
        tasks: &[
            "mix", "mix", "mix", "odd", "fail", "list", "lists", "map", "null", "replace", "flaky",
            "flaky", "hopeless", "late", "revoked",
        ],
        countdowns: true,
        ..Self::ALL
    };
    /// What a task puts in its own place; once more, and no more.
    pub(super) const REPLACED: Self =
        Self { tasks: &["mix", "odd", "fail", "list", "replace_once"], ..Self::ALL };
    /// As above.
    pub(super) const PLAIN: Self = Self { tasks: &["mix", "odd", "list"], ..Self::ALL };
    /// Nothing fails but what is mended before it is tried again by hand.
    pub const MENDABLE: Self = Self {
        policies: &[Policy::WaitAll],
        tasks: &["mix", "broken", "list", "replace_broken"],
        countdowns: false,
    };
    /// What `replace_broken` puts in its own place.
    pub(super) const BROKEN: Self = Self { tasks: &["mix", "broken"], ..Self::MENDABLE };

    fn policy(self, dice: &mut Dice) -> Policy {
        dice.pick(self.policies)
    }

    fn signature(self, dice: &mut Dice) -> Signature {
        let mut signature = Signature::new(dice.pick(self.tasks));
        signature.options = self.options(&signature, dice);
        for _ in 0..dice.below(3) {
            signature = signature.argument(dice.below(100) as i64);
        }
        if dice.percent(15) { signature.immutable() } else { signature }
    }

    /// What is `late` expires before it can run.
    fn options(self, signature: &Signature, dice: &mut Dice) -> Option<Arc<Options>> {
        if signature.task.as_str() == "late" {
            let expires = Some(Millis(Duration::ZERO));
            return Some(Arc::new(Options { expires, ..Options::default() }));
        }
        (self.countdowns && dice.percent(10)).then(|| {
            let countdown = Some(Millis(Duration::from_millis(dice.below(5000) as u64)));
            Arc::new(Options { countdown, ..Options::default() })
        })
    }

    /// A task that goes over items never replaces itself: there are many.
    fn mapped(self, dice: &mut Dice) -> Signature {
        loop {
            let signature = self.signature(dice);
            if !signature.task.as_str().starts_with("replace") {
                return signature;
            }
        }
    }

    fn items(self, dice: &mut Dice, each: Each) -> Items {
        if dice.percent(30) {
            let path = dice.pick(&["$", "$", "$.items", "$[0]"]);
            return Items::Input(path.parse().expect("a path"));
        }
        let number = |dice: &mut Dice| HeaderValue::Int(dice.below(50) as i64);
        let item = |dice: &mut Dice| match each {
            Each::Item => number(dice),
            Each::Star => vec![number(dice), number(dice)].into(),
        };
        let count = dice.below(5);
        Items::Given((0..count).map(|_| item(dice)).collect())
    }

    fn condition(self, dice: &mut Dice) -> Condition {
        let path: JsonPath =
            dice.pick(&["$", "$.n", "$[0]", "$.items[1]"]).parse().expect("a path");
        match dice.below(6) {
            0 => Condition::Exists(path),
            1 => Condition::Not(Box::new(self.condition(dice))),
            2 => Condition::Any(vec![self.condition(dice), self.condition(dice)]),
            _ => {
                let comparison = dice.pick(&[
                    Comparison::Less,
                    Comparison::Greater,
                    Comparison::GreaterOrEqual,
                    Comparison::NotEqual,
                ]);
                Condition::Compare(path, comparison, HeaderValue::Int(dice.below(100) as i64))
            }
        }
    }

    fn many(self, dice: &mut Dice, depth: usize) -> Vec<Canvas> {
        let count = dice.pick(&[0, 1, 1, 2, 2, 3, 4]);
        (0..count).map(|_| self.canvas(dice, depth)).collect()
    }

    /// A random canvas, nested at most six deep, and not too large.
    #[must_use]
    pub fn deep(self, seed: u64) -> Canvas {
        let mut dice = Dice::new(seed);
        loop {
            let canvas = self.canvas(&mut dice, 6);
            if steps(&canvas) <= MAX_STEPS {
                return canvas;
            }
        }
    }

    /// A random canvas, nested at most `depth` deep.
    pub fn canvas(self, dice: &mut Dice, depth: usize) -> Canvas {
        let mut canvas = Canvas::from(self.shape(dice, depth));
        for _ in 0..dice.pick(&[0, 0, 0, 0, 1, 2]) {
            canvas = canvas.link(self.signature(dice));
        }
        for _ in 0..dice.pick(&[0, 0, 0, 1, 2]) {
            canvas = canvas.on_error(self.signature(dice));
        }
        canvas
    }

    fn shape(self, dice: &mut Dice, depth: usize) -> Shape {
        if depth <= 1 || dice.percent(15) {
            return self.flat(dice);
        }
        let depth = depth - 1;
        match dice.below(11) {
            9.. => self.dag(dice, depth),
            0..=2 => Shape::Chain(self.many(dice, depth)),
            3 | 4 => Shape::Group { members: self.many(dice, depth), policy: self.policy(dice) },
            5 => {
                let (members, policy) = (self.many(dice, depth - 1), self.policy(dice));
                Shape::Chord { members, policy, body: Box::new(self.canvas(dice, depth)) }
            }
            6 => {
                let branches = self.many(dice, depth).into_iter().enumerate();
                let branches = branches.map(|(at, branch)| (format!("b{at}"), branch)).collect();
                Shape::Fork { branches, policy: self.policy(dice) }
            }
            7 => {
                let cases = self.many(dice, depth).into_iter();
                let cases = cases.map(|branch| (self.condition(dice), branch)).collect();
                let otherwise = dice.percent(50).then(|| Box::new(self.canvas(dice, depth)));
                Shape::Switch { cases, otherwise }
            }
            _ => {
                let body = Box::new(self.canvas(dice, depth.min(3)));
                Shape::Loop { body, until: self.condition(dice), max: 1 + dice.below(3) as u32 }
            }
        }
    }

    /// Steps that need any of those before them. Which of two errors ends one
    /// that fails fast is a matter of luck: `dags` looks at those.
    fn dag(self, dice: &mut Dice, depth: usize) -> Shape {
        let policy = match self.policy(dice) {
            Policy::FailFast => Policy::WaitAll,
            policy => policy,
        };
        self.dag_of(dice, policy, &mut |own, dice| own.canvas(dice, depth.min(2)))
    }

    /// Steps of these canvases that need any of those before them, in any order.
    pub fn dag_of(
        self,
        dice: &mut Dice,
        policy: Policy,
        canvas: &mut dyn FnMut(Self, &mut Dice) -> Canvas,
    ) -> Shape {
        let mut stages: Vec<Stage> = Vec::new();
        let settles = self.policies.contains(&Policy::Settle);
        for at in 0..dice.pick(&[0, 1, 2, 3, 4, 5, 6, 8]) {
            let likely = dice.pick(&[15, 40, 70]);
            let needs = stages.iter().filter(|_| dice.percent(likely));
            let needs = needs.map(|stage| stage.name.clone()).collect();
            let settle = settles && dice.percent(15);
            let canvas = canvas(self, dice);
            stages.push(Stage { name: format!("s{at}"), needs, settle, canvas });
        }
        // They may be given in any order.
        for at in (1..stages.len()).rev() {
            stages.swap(at, dice.below(at + 1));
        }
        Shape::Dag { stages, policy }
    }

    fn flat(self, dice: &mut Dice) -> Shape {
        if dice.percent(70) {
            return Shape::Task(self.signature(dice));
        }
        let each = dice.pick(&[Each::Item, Each::Star]);
        let (signature, items) = (self.mapped(dice), self.items(dice, each));
        let policy = self.policy(dice);
        match dice.below(3) {
            0 => Shape::Map { signature, items, each, policy },
            1 => Shape::Sweep { signature, items, each },
            _ => Shape::Chunks { signature, items, each, size: 1 + dice.below(3) as u32, policy },
        }
    }
}

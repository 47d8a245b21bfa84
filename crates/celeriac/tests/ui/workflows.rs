//! Workflows that can't be.

use celeriac::workflow;

#[celeriac::task]
fn extract(count: u32) -> Vec<String> {
    vec![String::new(); count as usize]
}

fn plain() {}

fn main() {
    let _ = workflow! { name: "w", version: 1, step a: plain };
    let _ = workflow! { name: "w", version: 1, step a: missing };
    let _ = workflow! { name: "w", version: 1, step a: extract { args: [1], qeue: "x" } };
    let _ = workflow! { name: "w", version: 1, step a: extract { needs: [b] } };
    let _ = workflow! {
        name: "w",
        version: 1,
        step a: extract { needs: [b] },
        step b: extract { needs: [a] },
    };
    let _ = workflow! {
        name: "w",
        version: 1,
        step files: extract { args: [3] },
        step each: extract { foreach: files },
    };
    let _ = workflow! { name: "w", version: 1, step a: extract { on_error: retry } };
    let _ = workflow! { name: "w", version: 1, step a: extract { args: [plain] } };
    let _ = workflow! { name: "w", step a: extract { args: [3] } };
}

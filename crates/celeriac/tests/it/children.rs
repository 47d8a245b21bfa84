//! Tasks that send tasks: parents, roots, and what is left of a deadline.

use std::time::Duration;

use celeriac::{App, TaskContext, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fixture::{app, get};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Family {
    id: String,
    parent: Option<String>,
    root: Option<String>,
    deadline: Option<Timestamp>,
}

fn family(ctx: &TaskContext) -> Family {
    let rare = ctx.message().rare();
    Family {
        id: ctx.id().to_string(),
        parent: rare.parent_id.map(|id| id.to_string()),
        root: rare.root_id.map(|id| id.to_string()),
        deadline: rare.deadline,
    }
}

#[celeriac::task]
async fn leaf(ctx: &TaskContext) -> Family {
    family(ctx)
}

/// Sends children `depth` levels deep; the last has a deadline of its own.
#[celeriac::task]
async fn branch(
    depth: u32,
    own: Option<u64>,
    ctx: &TaskContext,
) -> Result<Vec<Family>, celeriac::ResultError> {
    let mut all = vec![family(ctx)];
    if depth > 0 {
        let child = ctx.send(branch::s(depth - 1, own)).await;
        all.extend(Box::pin(child.expect("sent").get()).await?);
    } else {
        let mut last = leaf::s();
        if let Some(seconds) = own {
            last = last.deadline(Duration::from_secs(seconds));
        }
        all.push(ctx.send(last).await.expect("sent").get().await?);
    }
    Ok(all)
}

fn registered() -> App {
    app().register(leaf).register(branch)
}

#[tokio::test]
async fn children_bear_their_parent_and_their_root() {
    let app = registered();
    let _worker = app.start_worker().await.unwrap();
    let all = get(&app.send(branch::s(2, None)).await.unwrap()).await;
    assert_eq!(all.len(), 4);
    assert_eq!((&all[0].parent, &all[0].root), (&None, &None));
    for pair in all.windows(2) {
        assert_eq!(pair[1].parent.as_ref(), Some(&pair[0].id));
        assert_eq!(pair[1].root.as_ref(), Some(&all[0].id));
    }
}

#[tokio::test]
async fn the_earlier_of_both_deadlines_holds() {
    let app = registered();
    let _worker = app.start_worker().await.unwrap();
    let later = get(&app.send(branch::s(0, Some(7200)).deadline(HOUR)).await.unwrap()).await;
    assert!(later[0].deadline.is_some());
    assert_eq!(later[1].deadline, later[0].deadline, "the parent's is earlier");
    let earlier = get(&app.send(branch::s(0, Some(60)).deadline(HOUR)).await.unwrap()).await;
    assert!(earlier[1].deadline < earlier[0].deadline, "its own is earlier");
    let own = get(&app.send(branch::s(0, Some(60))).await.unwrap()).await;
    assert!(own[0].deadline.is_none() && own[1].deadline.is_some());
}

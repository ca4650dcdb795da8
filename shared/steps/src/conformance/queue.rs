use std::time::Duration;

use crate::ports::{Queue, Settlement};

/// Holds an empty queue to the port's promises.
///
/// # Panics
/// If it breaks one.
pub async fn queue(queue: &dyn Queue) {
    let moment = Duration::from_millis(50);
    assert_eq!(queue.receive(10, moment).await.unwrap(), []);
    queue.send(&[]).await.unwrap();
    let bodies: Vec<String> = (0..25).map(|n| format!("message {n}")).collect();
    queue.send(&bodies).await.unwrap();

    let mut deliveries = Vec::new();
    while deliveries.len() < bodies.len() {
        let some = queue.receive(10, Duration::from_secs(1)).await.unwrap();
        assert!((1..=10).contains(&some.len()), "at most as many as asked for, and none is lost");
        deliveries.extend(some);
    }
    let mut received: Vec<_> = deliveries.iter().map(|delivery| delivery.body.clone()).collect();
    received.sort();
    let mut sent = bodies.clone();
    sent.sort();
    assert_eq!(received, sent);
    assert!(deliveries.iter().all(|delivery| delivery.deliveries == 1));
    assert_eq!(queue.receive(10, moment).await.unwrap(), [], "what was delivered is hidden");

    let Some((again, done)) = deliveries.split_first() else { panic!("there are deliveries") };
    for delivery in done {
        queue.settle(delivery, Settlement::Done).await.unwrap();
    }
    queue.settle(again, Settlement::Retry(Duration::ZERO)).await.unwrap();
    let back = queue.receive(10, Duration::from_secs(5)).await.unwrap();
    assert_eq!(back.len(), 1, "only the one to be tried again comes back");
    let Some(back) = back.first() else { panic!("there is one") };
    assert_eq!((&back.body, back.deliveries), (&again.body, 2));
    queue.settle(back, Settlement::Done).await.unwrap();
    queue.settle(back, Settlement::Done).await.unwrap();
    assert_eq!(queue.receive(10, moment).await.unwrap(), []);
}

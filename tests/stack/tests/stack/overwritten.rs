//! A dataset is replaced by one of the other format, and back.

use dap_server::{Behaviour, prism};
use serde_json::json;

use crate::setup::{Stack, reference};

#[tokio::test]
async fn a_dataset_is_replaced_in_either_format() {
    let Some(stack) = Stack::deployed("here", "overwritten") else { return };
    let server = stack.source(prism::window(12, 32, 48), Behaviour::default()).await;
    // Each waits until no write of the one before can land any more.
    for (name, format, mode) in [("one", "v2", "create"), ("two", "v3", "overwrite"), ("three", "v2", "overwrite")] {
        let mut request = stack.request(&server.url("prism"), "x.zarr", &json!({"time": 6}));
        request["format"] = format.into();
        request["mode"] = mode.into();
        let run = stack.ask(name, &request).await;
        assert!(stack.end(&run).await.is_published(), "{name}");
        let expected = reference(&server.url("prism"), &format!("--chunks time=6 --format {format}")).await;
        stack.objects("x.zarr").await.assert_same(&expected);
    }
}

//! The verbs as Lambda functions: events in, batch item failures out.

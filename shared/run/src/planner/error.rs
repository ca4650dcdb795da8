use advisor::NoShape;
use grid::GridError;
use zarr::ZarrError;

/// Why there is no plan for a request.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The dataset has no such variable.
    #[error("the dataset has no variable `{name}`; it has {known}")]
    UnknownVariable {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The variable is there but cannot be converted.
    #[error("the variable `{name}` cannot be converted: {reason}")]
    Unsupported {
        /// The name asked for.
        name: String,
        /// Why not.
        reason: String,
    },
    /// None of the chosen variables has that dimension.
    #[error("no chosen variable has a dimension `{name}` (in {option}); there are {known}")]
    UnknownDimension {
        /// The name asked for.
        name: String,
        /// The option it was named in.
        option: &'static str,
        /// The names there are.
        known: String,
    },
    /// A range reaches beyond its dimension.
    #[error("the range {range} reaches beyond dimension `{name}` of `{variable}`, whose indices are 0 to {last}")]
    OutOfRange {
        /// The dimension.
        name: String,
        /// The range.
        range: String,
        /// The variable.
        variable: String,
        /// The last index.
        last: u64,
    },
    /// No chunk shape lies within the window that was asked for.
    #[error("`{array}`")]
    NoShape {
        /// The array.
        array: String,
        /// What there is instead.
        source: NoShape,
    },
    /// A read names a dimension that no chosen variable has.
    #[error("no chosen variable has a dimension `{name}` (in reads){nearest}; there are {known}")]
    UnknownReadDimension {
        /// The name.
        name: String,
        /// The most similar name there is, in words; nothing if none is.
        nearest: String,
        /// The names there are.
        known: String,
    },
    /// Chunks or their number are too large.
    #[error("{what} is {found}, at most {most} is supported; {hint}")]
    TooLarge {
        /// What it is.
        what: String,
        /// How large.
        found: u64,
        /// The bound.
        most: u64,
        /// What to do.
        hint: &'static str,
    },
    /// Nothing would be converted.
    #[error("the dataset has no variable that can be converted")]
    Nothing,
    /// A shape that cannot exist.
    #[error("array `{array}` cannot be planned")]
    Grid {
        /// The array.
        array: String,
        /// Why.
        source: GridError,
    },
    /// A document or codec that cannot exist.
    #[error("array `{array}` cannot be planned")]
    Zarr {
        /// The array.
        array: String,
        /// Why.
        source: ZarrError,
    },
}

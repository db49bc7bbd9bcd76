//! How all of this is made, extended, tested and verified. (Pages only, no code.)

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/new-release.md")]
pub mod new_release {}

#[cfg(feature = "emulator")]
#[doc = include_str!("../docs/testing-in-ci.md")]
pub mod testing_in_ci {}

#[doc = include_str!("../docs/verification.md")]
pub mod verification {}

#[doc = include_str!("../docs/stability.md")]
pub mod stability {}

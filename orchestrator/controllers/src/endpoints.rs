//! Which pods are behind a Service: EndpointSlices, Endpoints for clients that know nothing else, and slices for
//! Endpoints that people make by hand.

mod legacy;
mod mirror;
mod pod;
mod service;
mod slices;
#[cfg(test)]
mod tests;

pub use legacy::EndpointsController;
pub use mirror::MirrorController;
pub use service::SliceController;

/// The label of a slice that names its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label of a slice that says who keeps it.
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// The label that slices and Endpoints of a Service without an address carry.
pub const HEADLESS: &str = "service.kubernetes.io/headless";

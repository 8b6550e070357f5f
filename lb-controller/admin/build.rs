//! Compiles the protobuf definitions; protox stands in for protoc, so that a build needs no package.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = "guideway/controller/admin/v1/admin.proto";
    println!("cargo::rerun-if-changed=proto/{file}");
    let descriptors = protox::compile([file], ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

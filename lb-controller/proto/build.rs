//! Compiles the protobuf definitions; protox stands in for protoc, so that a build needs no package.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = "guideway/controller/v1/controller.proto";
    println!("cargo::rerun-if-changed=proto/{file}");
    let descriptors = protox::compile([file], ["proto"])?;
    // Parts of a content go to many forwarders: they are shared and not copied.
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}

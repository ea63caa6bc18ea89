//! Lets the binary find the libtorch it was linked against, so that no user ever sets `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(libtorch) = std::env::var("LIBTORCH") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
        // Where set-up puts the CUDA part, which is opened by name at start when there is a GPU.
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/cuda/torch/lib");
    }
    // A binary that is moved next to its libraries finds them there first.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}

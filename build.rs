//! Lets the binary find the libtorch it was linked against, so that no user ever sets `LD_LIBRARY_PATH`; and makes room
//! for the page, so that the binary builds before the page is.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(libtorch) = std::env::var("LIBTORCH") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
        // Where set-up puts the CUDA part, which is opened by name at start when there is a GPU.
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/cuda/torch/lib");
    }
    // Embedding needs the folder; without the page in it the server says how to build it.
    if let Err(error) = std::fs::create_dir_all("static/dist") {
        println!("cargo:warning=cannot create static/dist: {error}");
    }
    println!("cargo:rerun-if-changed=static/dist");
    println!("cargo:rerun-if-changed=build.rs");
    // Last: where set-up's folder is missing, a binary that was moved next to its libraries finds them there.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}

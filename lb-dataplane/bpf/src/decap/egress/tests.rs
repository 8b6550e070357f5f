//! On kernels with tcx links too, the way of those without is tried.

mod needs_root {
    use std::process::Command;

    use aya::programs::SchedClassifier;

    use super::super::*;
    use crate::decap::Decap;

    /// Removed also by a panic.
    struct Root(PathBuf);

    impl Drop for Root {
        fn drop(&mut self) {
            let _gone = Decap::remove(&self.0);
        }
    }

    fn run(words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_filter_of_clsact_is_attached_updated_and_detached() {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let guard = Root(PathBuf::from(format!("/sys/fs/bpf/guideway-bpf-egress-{}", std::process::id())));
        let root = &guard.0;
        let decap = Decap::open(root).unwrap();
        run("ip link add up0 type veth peer name peer0");
        let egress = Egress::at(root);
        let filters = || run("tc filter show dev up0 egress");
        let mut program = SchedClassifier::from_pin(egress.program()).unwrap();
        for _ in 0..2 {
            // The second time, the qdisc is there already.
            attach_filter(&mut program, "up0").unwrap();
            let fd = open(&egress.program()).unwrap();
            sys::pin(fd.as_fd(), &egress.link("up0")).unwrap();
            assert!(filters().contains("decap_egress"), "{}", filters());
            assert_eq!(egress.attached().unwrap(), ["up0"]);
            egress.attach("up0").unwrap();
            assert_eq!(filters().matches("handle").count(), 1, "{}", filters());
            egress.detach_others(&[]).unwrap();
            assert!(!filters().contains("decap_egress"), "{}", filters());
            assert!(egress.attached().unwrap().is_empty());
        }
        drop((program, decap));
        Decap::remove(root).unwrap();
        assert!(!root.exists());
    }
}

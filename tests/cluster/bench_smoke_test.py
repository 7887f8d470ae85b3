"""The benchmark's last line says what the rounds measured."""

from cluster import bench_smoke


def report(per_s):
    return {"per_s": per_s, "p50_ms": 1.234, "p99_ms": 5.678, "server_cpu_us": 9.87}


def test_the_last_line_holds_medians_and_their_ratio():
    line = bench_smoke.summary("etcd 9.9.9", {
        "flotilla": [report(90000.4), report(100000.4), report(400000)],
        "etcd": [report(1), report(10000), report(20000)]})
    assert line == {
        "anchor": "etcd 9.9.9", "callers": 256,
        "put_per_s": 100000, "put_p50_ms": 1.23, "put_p99_ms": 5.68, "cpu_us_per_put": 9.9,
        "etcd_put_per_s": 10000, "etcd_put_p50_ms": 1.23, "etcd_put_p99_ms": 5.68,
        "etcd_cpu_us_per_put": 9.9, "ratio": 10.0}

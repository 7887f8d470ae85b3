"""The benchmark of shards runs, on little data, and reports every figure."""

from cluster import bench_shards


def test_every_figure_is_measured(monkeypatch):
    monkeypatch.setattr(bench_shards, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(bench_shards, "AFTER_SPLIT_SECONDS", 0.5)
    figures = bench_shards.measure(size_mb=3, idle_shards=3, idle_seconds=1)
    assert list(figures) == ["split_bytes", "split_pause_ms", "move_bytes", "move_s",
                             "move_rss_growth_mb", "idle_replicas", "idle_cpu_percent",
                             "idle_rss_mb"]
    assert figures["split_bytes"] > 3_000_000
    assert figures["move_bytes"] > 3_000_000
    assert figures["idle_replicas"] == 3
    assert 0 < figures["split_pause_ms"] < 10_000
    assert figures["idle_rss_mb"] > 0

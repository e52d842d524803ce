def test_nothing(host):
    assert host

import pytest

STORE = "sweep kuramoto n=8 duration=1 seeds=2 figure=null"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("rn kuramoto", "there is no command 'rn'; did you mean 'run'?"),
        ("run", "which model?"),
        ("run kuramto", "did you mean 'kuramoto'?"),
        ("run missing.py:Model", "there is no file 'missing.py'"),
        ("run no.such.module:Model", "there is no module 'no.such.module'"),
        ("run neurojax:Kuramotto", "did you mean 'Kuramoto'?"),
        ("run neurojax:pi", "has no 'pi'"),
        ("run kuramoto extra", "'extra' after the model"),
        ("run kuramoto --cgf", "did you mean '--cfg'?"),
        ("run kuramoto --config", "--config needs a value"),
        ("run kuramoto --config none.yaml", "there is no such file"),
        ("run kuramoto coupeling=2", "did you mean 'coupling'?"),
        ("run kuramoto duratoin=2", "did you mean 'duration'?"),
        ("run kuramoto frequencies.scal=2", "did you mean 'frequencies.scale'?"),
        ("run kuramoto graph.p=0.1", "neither a setting nor a parameter"),
        ("run kuramoto n=-3", "n=-3: the number of oscillators"),
        ("run kuramoto dt=0", "dt=0: the time step must be positive"),
        ("run kuramoto steps=10 duration=5", "give one of them"),
        ("run kuramoto noise=-1", "noise=-1"),
        ("run kuramoto method=Heunn()", "did you mean 'Heun'?"),
        ("run kuramoto graph=WattsStrogatz(k=3,p=0.1)", "k must be even"),
        ("run kuramoto coupling=open('x')", "there is no 'open'"),
        ("run kuramoto coupling=[1", "cannot be read"),
        ("run kuramoto record.r=Trce(order_parameter)", "did you mean 'Trace'?"),
        ("run kuramoto record.r=Mean(order_paramter)", "did you mean 'order_parameter'?"),
        ("run kuramoto record.r=order_parameter", "give a record"),
        ("run kuramoto recrd.r=1", "did you mean 'record'?"),
        ("run kuramoto record=1", "record.NAME=VALUE"),
        ("run kuramoto options.dtipe=float64", "did you mean 'dtype'?"),
        ("run kuramoto options.dtype=float63", "float63"),
        ("run kuramoto options.device=abacus:0", "there is no such device"),
        ("run kuramoto out=run.csv", "ends in .nc"),
        ("run kuramoto state=none.npz", "no such state file"),
        ("run kuramoto over.coupling=[1,2]", "neither a setting nor a parameter"),
        ("run kuramoto 2x=1", "is no name"),
        (f"{STORE} over.coupeling=[1,2]", "did you mean 'coupling'?"),
        (f"{STORE} over.coupling=2", "give a list"),
        (f"{STORE} coupling=1 over.coupling=[1,2]", "leave one out"),
        (f"{STORE} over.walk=zip(coupling=[1,2],noise=[1])", "different numbers of values"),
        (f"{STORE} over.walk=zip(coupelling=[1,2],noise=[1,2])", "did you mean 'coupling'?"),
        (f"{STORE} options.rng=none", "choose 'paired' or 'independent'"),
        (f"{STORE} seeds=[1,1]", "a seed occurs twice"),
        (f"{STORE} record.r=null record.r_variance=null", "keeps only what is recorded"),
        (f"{STORE} figure=phase.jpeg", "ends in .png or .pdf"),
        ("sweep kuramoto cpus=0", "at least 1"),
        ("figures", "which store?"),
        ("figures none.zarr", "there is no store"),
        ("info .", "is not a zarr group"),
        ("info a b", "which store?"),
        ("list measurs", "did you mean 'measures'?"),
    ],
)
def test_a_mistake_is_answered_in_one_line(neurojax, tmp_path, words, answer):
    code, _, err = neurojax(*words.split(" "))
    assert code == 2
    assert answer in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing is written for a mistake


def test_other_stores_are_refused(neurojax, unexplained):
    words = ["sweep", "kuramoto", "n=8", "duration=1", "store=a.zarr", "method=EulerMaruyama", "over.coupling=[1.0,2.0]"]
    assert neurojax(*words).code == 0
    code, _, err = neurojax(*words, "lag=0.5")
    assert code == 2
    assert "holds another sweep" in err


def test_a_fault_in_a_users_model_keeps_its_traceback(neurojax, tmp_path):
    (tmp_path / "faulty.py").write_text(
        "import neurojax as nj\n\nclass Faulty(nj.Flow):\n    def init(self, key):\n        return key + 'x'\n"
    )
    with pytest.raises(TypeError):
        neurojax("run", "faulty.py:Faulty")


def test_a_users_own_check_is_answered_in_one_line(neurojax, tmp_path):
    text = "import neurojax as nj\n\nclass Checked(nj.Flow):\n    def check(self):\n        raise ValueError('tau must be positive')\n"
    (tmp_path / "checked.py").write_text(text)
    code, _, err = neurojax("run", "checked.py")
    assert (code, err) == (2, "neurojax run: tau must be positive\n")

"""What a run keeps."""

from neurojax.engine.record.base import Measure as Measure
from neurojax.engine.record.base import Record as Record
from neurojax.engine.record.moments import First as First
from neurojax.engine.record.moments import Histogram as Histogram
from neurojax.engine.record.moments import Last as Last
from neurojax.engine.record.moments import Maximum as Maximum
from neurojax.engine.record.moments import Mean as Mean
from neurojax.engine.record.moments import Minimum as Minimum
from neurojax.engine.record.moments import Variance as Variance
from neurojax.engine.record.series import At as At
from neurojax.engine.record.series import Autocorrelation as Autocorrelation
from neurojax.engine.record.series import Spectrum as Spectrum
from neurojax.engine.record.series import Trace as Trace

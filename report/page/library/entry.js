// The kinds of traces that report/panels draws; `scatter` is in the core.
const Plotly = require("plotly.js/lib/core");

Plotly.register([require("plotly.js/lib/bar"), require("plotly.js/lib/heatmap"), require("plotly.js/lib/icicle")]);

module.exports = Plotly;

// The traces that Headroom draws, and French.  `scatter` is part of the core.
const Plotly = require("plotly.js/lib/core");
Plotly.register([
  require("plotly.js/lib/bar"),
  require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/treemap"),
  require("plotly.js/lib/waterfall"),
  require("plotly.js/lib/locales/fr"),
]);
module.exports = Plotly;

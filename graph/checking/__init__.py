"""Rules of operators: which options, inputs and shapes the runtime takes without harm."""

// What the page on apps uses of Android, of org.json and of LiteRT 2.2.0, by name and type alone, so that a compiler can read the page without them.
@file:Suppress("UNUSED_PARAMETER")

package com.google.ai.edge.litert

enum class Accelerator { NONE, CPU, GPU, NPU }

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = TODO()
    fun readFloat(): FloatArray = TODO()
    override fun close(): Unit = TODO()
}

class Environment : AutoCloseable {
    override fun close(): Unit = TODO()

    companion object {
        fun create(): Environment = TODO()
    }
}

class CompiledModel : AutoCloseable {
    data class CpuOptions(val numThreads: Int? = null)

    data class GpuOptions(val precision: Precision? = null) {
        enum class Precision { DEFAULT, FP16, FP32 }
    }

    class Options(vararg accelerators: Accelerator) {
        var cpuOptions: CpuOptions? = null
        var gpuOptions: GpuOptions? = null
    }

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit = TODO()
    override fun close(): Unit = TODO()

    companion object {
        fun create(filePath: String, options: Options, optionalEnv: Environment? = null): CompiledModel = TODO()
    }
}

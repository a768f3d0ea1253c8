# Headers of ESP-IDF that the virtual device has nothing behind. Including one stops the compiler
# with a sentence, where a missing file would leave the reader to guess.

set(AIRLIFT_UNSUPPORTED_HEADERS
    argtable3/argtable3.h button_gpio.h driver/adc.h driver/adc_common.h driver/dac.h
    driver/dac_oneshot.h driver/dedic_gpio.h driver/gptimer.h driver/i2c.h driver/i2c_master.h
    driver/i2c_slave.h driver/i2s.h driver/i2s_pdm.h driver/i2s_std.h driver/ledc.h driver/mcpwm.h
    driver/mcpwm_prelude.h driver/pcnt.h driver/pulse_cnt.h driver/rmt.h driver/rmt_encoder.h
    driver/rmt_rx.h driver/rmt_tx.h driver/sdm.h driver/sdmmc_host.h driver/sdmmc_types.h
    driver/sdspi_host.h driver/spi_common.h driver/spi_master.h driver/spi_slave.h driver/temp_sensor.h
    driver/temperature_sensor.h driver/timer.h driver/touch_pad.h driver/touch_sensor.h driver/twai.h
    driver/uart.h driver/uart_vfs.h driver/usb_serial_jtag.h esp_a2dp_api.h esp_adc/adc_cali.h
    esp_adc/adc_cali_scheme.h esp_adc/adc_continuous.h esp_adc/adc_oneshot.h esp_adc_cal.h
    esp_app_trace.h esp_blufi_api.h esp_bt.h esp_bt_device.h esp_bt_main.h esp_camera.h esp_clk_tree.h
    esp_console.h esp_core_dump.h esp_delta_ota.h esp_dsp.h esp_eap_client.h esp_efuse_table.h
    esp_encrypted_img.h esp_eth_mac_spi.h esp_event_loop.h esp_freertos_hooks.h esp_gap_ble_api.h
    esp_gap_bt_api.h esp_gatt_common_api.h esp_gattc_api.h esp_gatts_api.h esp_gdbstub.h
    esp_heap_trace.h esp_hf_client_api.h esp_hidd.h esp_himem.h esp_hosted.h esp_https_server.h
    esp_ieee802154.h esp_ipc.h esp_lcd_panel_ops.h esp_littlefs.h esp_local_ctrl.h esp_mesh.h
    esp_modem_api.h esp_netif_net_stack.h esp_netif_ppp.h esp_nimble_hci.h esp_now.h esp_openthread.h
    esp_phy_init.h esp_ping.h esp_pm.h esp_private/esp_clk.h esp_psram.h esp_smartconfig.h esp_spiffs.h
    esp_spp_api.h esp_transport.h esp_transport_ssl.h esp_transport_tcp.h esp_vfs.h esp_vfs_dev.h
    esp_vfs_eventfd.h esp_vfs_fat.h esp_vfs_semihost.h esp_websocket_client.h esp_wpa2.h esp_wps.h
    esp_zigbee_core.h ff.h hal/gpio_hal.h hal/gpio_ll.h host/ble_hs.h host/util/util.h iot_button.h
    led_strip.h linenoise/linenoise.h lwip/api.h lwip/igmp.h lwip/netif.h lwip/pbuf.h lwip/tcpip.h
    netif/ethernet.h network_provisioning/manager.h nimble/nimble_port.h nvs_handle.hpp
    nvs_sec_provider.h ping/ping_sock.h protocomm.h qrcode.h sdmmc_cmd.h services/gap/ble_svc_gap.h
    services/gatt/ble_svc_gatt.h soc/gpio_reg.h soc/gpio_struct.h soc/rtc.h soc/rtc_cntl_reg.h soc/soc.h
    soc/uart_struct.h tcpip_adapter.h tinyusb.h tusb_cdc_acm.h ulp.h usb/usb_host.h wear_levelling.h
    wifi_provisioning/manager.h wifi_provisioning/scheme_ble.h wifi_provisioning/scheme_softap.h)

# Behind all other include directories, so that a header that exists is found first.
function(__airlift_write_unsupported dir)
    foreach(header ${AIRLIFT_UNSUPPORTED_HEADERS})
        file(CONFIGURE OUTPUT "${dir}/${header}" @ONLY CONTENT
            "#error \"@header@ is not supported on the virtual device; keep it out with #if !CONFIG_IDF_TARGET_LINUX\"\n")
    endforeach()
endfunction()
